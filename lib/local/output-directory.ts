import { type BigIntStats, constants } from 'node:fs';
import { access, link, open, readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorCode, ImageGptError } from '../ports/error.ts';
import type { ObjectStore, ReadResult, StoredObject, WriteCondition, WriteResult } from '../ports/object-store.ts';
import { fileError, isMissing, OutputDirectoryError } from './error.ts';
import { fileEtag } from './file-version.ts';
import { listTree, type TreeEntry } from './list-tree.ts';
import { makeDirectory } from './make-directory.ts';
import { createOutputFolders } from './output-folders.ts';
import { escapeKey, keyPart } from './path-escape.ts';
import { removeStaleTemporaries, temporaryFolder, writeTemporary } from './temporary-files.ts';

/** What `link` says where there are no hard links (exFAT, some shares). */
const noLinks: readonly (string | undefined)[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EACCES'];

export interface OutputDirectoryOptions {
  /**
   * Keys are paths as they stand: for keys of our own making, such as a batch job's, which other programs look for by
   * name. Default false: strangers' keys are escaped.
   */
  plainNames?: boolean;
  /** To read what is there, wherever it lies: nothing is made or removed. Default false. */
  readOnly?: boolean;
}

/**
 * A directory as an output bucket. Files appear whole or not at all, under the names of {@link escapeKey}. Creating is
 * exclusive among all processes; replacing by ETag is so within this one, and between two of them the later one wins
 * with a whole file. Nothing is written through a link that leaves the directory. Makes the directory and removes what
 * killed runs have left of half-written files.
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
        // Listed only to be refused where its keys are asked for: outcomes would be stored through it.
        const leaves = entry.isSymbolicLink() && (await folders.leaves(path));
        if (!(entry.isDirectory() || leaves) || entry.name.startsWith('.')) return [];
        const { text, goesOn } = plainNames ? { text: entry.name, goesOn: false } : keyPart(entry.name, false);
        if (!goesOn) return [{ name: text, path, kind: 'folder', folder: path }];
        // The rest of the name stands in that folder.
        return (await entries(path)).map((rest) => ({ ...rest, name: text + rest.name }));
      }),
    );
    return found.flat();
  }

  async function object(key: string, path: string): Promise<StoredObject | undefined> {
    // Somebody else's file: no key leads to it.
    if (key === '' || pathOf(key) !== path) return undefined;
    return look(key, path);
  }

  async function look(key: string, path: string): Promise<StoredObject | undefined> {
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
    // A file is never written to after it has got its name, so what is open is one version.
    await using file = await open(pathOf(key));
    const found = outcomeObject(key, await file.stat({ bigint: true }));
    if (ifMatch !== undefined && ifMatch !== found.etag) return { status: 'etag_mismatch' };
    if (found.size > maxBytes) return { status: 'too_large', object: found };
    return { status: 'found', object: found, body: await file.readFile() };
  }

  /** Gives the temporary file its name, if `condition` holds. */
  async function place(temporary: string, key: string, condition: WriteCondition | undefined): Promise<boolean> {
    const path = pathOf(key);
    if (condition !== undefined && 'ifNoneMatch' in condition) {
      try {
        await link(temporary, path);
        return true;
      } catch (error) {
        if (errorCode(error) === 'EEXIST') return false;
        if (!noLinks.includes(errorCode(error))) throw error;
      }
    }
    const there = condition === undefined ? undefined : await look(key, path);
    if (condition !== undefined && there?.etag !== ('ifMatch' in condition ? condition.ifMatch : undefined))
      return false;
    await rename(temporary, path);
    return true;
  }

  async function put(key: string, body: Uint8Array, condition?: WriteCondition): Promise<WriteResult> {
    const path = pathOf(key);
    // Spares the writing where something is there; the link below decides.
    if (condition !== undefined && 'ifNoneMatch' in condition && (await look(key, path)) !== undefined) {
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
    head: async (key) => look(key, pathOf(key)),
    get: (key, options) =>
      read(key, options).catch((error: unknown) => {
        if (isMissing(error)) return { status: 'not_found' };
        throw fileError('read', key, error);
      }),
    put: (key, body, condition) =>
      lock.run(key, () =>
        put(key, body, condition).catch((error: unknown) => {
          throw error instanceof ImageGptError ? error : fileError('store', key, error);
        }),
      ),
    delete: (key, condition) =>
      lock.run(key, async () => {
        const path = pathOf(key);
        await folders.refuseIfOutside(dirname(path));
        if (condition !== undefined && (await look(key, path))?.etag !== condition.ifMatch) return;
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
      `Expected a directory to write to at ${path}, but ${refusal(cause)}; allow writing there, or choose another directory.`,
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

/** The time is that of the content: linking and renaming move ctime on, and would make it look newer than it is. */
function outcomeObject(key: string, stats: BigIntStats): StoredObject {
  return { key, etag: fileEtag(stats), size: Number(stats.size), lastModified: stats.mtime };
}

/** Runs work on the same key one after the other. */
export interface KeyLock {
  run<T>(key: string, work: () => Promise<T>): Promise<T>;
}

export function createKeyLock(): KeyLock {
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
