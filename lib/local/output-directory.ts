import { type BigIntStats, constants } from 'node:fs';
import { access, link, readdir, realpath, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeDirectory } from '../files/make-directory.ts';
import { isWithoutHardLinks, refuseSpecialFile, replaceFile, requireFile } from '../files/place-file.ts';
import { NotRegularFileError, openRegularFile } from '../files/regular-file.ts';
import { errorCode, ImageGptError } from '../ports/error.ts';
import type { ObjectStore, ReadResult, StoredObject, WriteCondition, WriteResult } from '../ports/object-store.ts';
import { fileError, isMissing, OutputDirectoryError } from './error.ts';
import { fileEtag } from './file-version.ts';
import { listTree, type TreeEntry } from './list-tree.ts';
import { createOutputFolders } from './output-folders.ts';
import { escapeKey, keyPart } from './path-escape.ts';
import { removeStaleTemporaries, temporaryFolder, writeTemporary } from './temporary-files.ts';

export interface OutputDirectoryOptions {
  /**
   * Use keys as paths without escaping (default false). Only for our own keys, such as those of a job, which other programs
   * look up by name.
   */
  plainNames?: boolean | undefined;
  /** Only read: create and remove nothing (default false). */
  readOnly?: boolean | undefined;
}

/**
 * Opens a directory as an output bucket. Creates it if needed, and removes incomplete files of killed runs.
 *
 * - A file appears only when it is complete. Its path is that of {@link escapeKey}.
 * - Creating with `ifNoneMatch` is atomic among all processes.
 * - Replacing with `ifMatch` is atomic within this process. Between two processes, the later one wins.
 * - Nothing is written through a link that leaves the directory.
 *
 * @throws {OutputDirectoryError} `output_not_writable`, or `output_link` for a link that leaves the directory
 */
export async function openOutputDirectory(path: string, options: OutputDirectoryOptions = {}): Promise<ObjectStore> {
  const { plainNames = false, readOnly = false } = options;
  const root = readOnly ? await realpath(path) : await writableRoot(path);
  const folders = createOutputFolders(root);
  if (!readOnly) {
    await folders.refuseIfOutside(join(root, temporaryFolder));
    await removeStaleTemporaries(root);
  }
  const foldsCase = await stat(join(root, temporaryFolder.toUpperCase())).then(
    () => true,
    () => false,
  );
  const lock = createKeyLock();
  const pathOf = (key: string): string => join(root, ...(plainNames ? key.split('/') : escapeKey(key, { foldsCase })));

  async function entries(folder: string): Promise<TreeEntry<string>[]> {
    await folders.refuseIfOutside(folder);
    const listed = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
      if (isMissing(error)) return [];
      throw fileError('list', folder === root ? '' : folder.slice(root.length + 1), error);
    });
    const found = await Promise.all(
      listed.map(async (entry): Promise<TreeEntry<string>[]> => {
        const path = join(folder, entry.name);
        if (entry.isFile())
          return [{ name: plainNames ? entry.name : keyPart(entry.name, true).text, path, kind: 'file' }];
        // A link out of the directory is listed as a folder, so that listing it throws: outcomes may lie behind it.
        const leadsOutside = entry.isSymbolicLink() && (await folders.isOutside(path));
        if (!(entry.isDirectory() || leadsOutside) || entry.name.startsWith('.')) return [];
        const { text, continued } = plainNames ? { text: entry.name, continued: false } : keyPart(entry.name, false);
        if (!continued) return [{ name: text, path, kind: 'folder', folder: path }];
        // The folder contains the rest of the name.
        return (await entries(path)).map((rest) => ({ ...rest, name: text + rest.name }));
      }),
    );
    return found.flat();
  }

  async function object(key: string, path: string): Promise<StoredObject | undefined> {
    // A foreign file: no key has this path.
    if (key === '' || pathOf(key) !== path) return undefined;
    return statObject(key, path);
  }

  async function statObject(key: string, path: string): Promise<StoredObject | undefined> {
    try {
      const stats = await stat(path, { bigint: true });
      return stats.isFile() ? outcomeObject(key, stats) : undefined;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw fileError('find', key, error);
    }
  }

  async function read(key: string, options: Parameters<ObjectStore['get']>[1] = {}): Promise<ReadResult> {
    const { ifMatch, maxBytes = Number.POSITIVE_INFINITY } = options;
    // A file never changes after it has its name, so an open file is a single version.
    await using file = await openRegularFile(pathOf(key));
    const found = outcomeObject(key, await file.stat({ bigint: true }));
    if (ifMatch !== undefined && ifMatch !== found.etag) return { status: 'etag_mismatch' };
    if (found.size > maxBytes) return { status: 'too_large', object: found };
    return { status: 'found', object: found, body: await file.readFile() };
  }

  /** Renames the temporary file to its final name if `condition` holds. */
  async function place(temporary: string, key: string, condition: WriteCondition | undefined): Promise<boolean> {
    const path = pathOf(key);
    if (condition !== undefined && 'ifNoneMatch' in condition) {
      try {
        await link(temporary, path);
        return true;
      } catch (error) {
        if (errorCode(error) === 'EEXIST') {
          await requireFile(path);
          return false;
        }
        if (!isWithoutHardLinks(error) && errorCode(error) !== 'EACCES') throw error;
      }
    }
    const existing = condition === undefined ? undefined : await statObject(key, path);
    if (condition !== undefined && existing?.etag !== ('ifMatch' in condition ? condition.ifMatch : undefined))
      return false;
    await replaceFile(temporary, path);
    return true;
  }

  async function put(key: string, body: Uint8Array, condition?: WriteCondition): Promise<WriteResult> {
    const path = pathOf(key);
    // Saves writing the body if the object exists already. Only the link in `place` is atomic.
    if (condition !== undefined && 'ifNoneMatch' in condition && (await statObject(key, path)) !== undefined) {
      return { status: 'precondition_failed' };
    }
    await folders.make(dirname(path));
    const temporary = await writeTemporary(root, body);
    try {
      const etag = fileEtag(await stat(temporary, { bigint: true }));
      const placed = await place(temporary, key, condition).catch(async (error: unknown) => {
        if (!isMissing(error)) throw error;
        await folders.make(dirname(path), { again: true });
        return place(temporary, key, condition);
      });
      return placed ? { status: 'stored', etag } : { status: 'precondition_failed' };
    } finally {
      await rm(temporary, { force: true });
    }
  }

  return {
    list: ({ prefix = '', startAfter = '' } = {}) => listTree({ root, entries, object, prefix, startAfter }),
    head: async (key) => statObject(key, pathOf(key)),
    get: (key, options) =>
      read(key, options).catch((error: unknown) => {
        if (isMissing(error)) return { status: 'not_found' };
        throw fileError('read', key, error);
      }),
    put: (key, body, condition) =>
      lock.run(key, () =>
        put(key, body, condition).catch((error: unknown) => {
          throw error instanceof ImageGptError && !(error instanceof NotRegularFileError)
            ? error
            : fileError('store', key, error);
        }),
      ),
    delete: (key, condition) =>
      lock.run(key, async () => {
        const path = pathOf(key);
        await folders.refuseIfOutside(dirname(path));
        if (condition !== undefined && (await statObject(key, path))?.etag !== condition.ifMatch) return;
        await refuseSpecialFile(path).catch((error: unknown) => {
          throw fileError('remove', key, error);
        });
        await rm(path, { force: true });
      }),
  };
}

async function writableRoot(path: string): Promise<string> {
  try {
    await makeDirectory(join(path, temporaryFolder));
    await access(join(path, temporaryFolder), constants.W_OK | constants.X_OK);
    return await realpath(path);
  } catch (cause) {
    throw new OutputDirectoryError(
      'output_not_writable',
      `Expected a writable directory at ${path}, but ${refusal(cause)}; allow writing there, or choose another directory.`,
      { cause },
    );
  }
}

function refusal(cause: unknown): string {
  const code = errorCode(cause) ?? 'an unknown error';
  switch (code) {
    case 'EROFS':
      return 'the file system is read-only (EROFS)';
    case 'EACCES':
    case 'EPERM':
      return `writing there is not permitted (${code})`;
    case 'EEXIST':
    case 'ENOTDIR':
      return `a file is in its place (${code})`;
    default:
      return `the system said ${code}`;
  }
}

/** A file as a stored object. Uses mtime, because linking and renaming change ctime. */
function outcomeObject(key: string, stats: BigIntStats): StoredObject {
  return { key, etag: fileEtag(stats), size: Number(stats.size), lastModified: stats.mtime };
}

/** Runs work on the same key one at a time. */
interface KeyLock {
  run<T>(key: string, work: () => Promise<T>): Promise<T>;
}

function createKeyLock(): KeyLock {
  const last = new Map<string, Promise<unknown>>();
  return {
    async run(key, work) {
      const turn = (last.get(key) ?? Promise.resolve()).then(work, work);
      last.set(key, turn);
      try {
        return await turn;
      } finally {
        if (last.get(key) === turn) last.delete(key);
      }
    },
  };
}
