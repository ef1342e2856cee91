import { type FileHandle, readdir, realpath, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { inputKey } from '../contracts/keys.ts';
import { NotRegularFileError, openRegularFile } from '../files/regular-file.ts';
import { errorCode, ImageGptError, PictureError, TransientError } from '../ports/error.ts';
import type { ObjectStore, StoredObject } from '../ports/object-store.ts';
import { fileError, isMissing, isOutOfFiles, KeyError } from './error.ts';
import { fileEtag, storedObject } from './file-version.ts';
import { linkTargets } from './hub-snapshot.ts';
import { isWithin } from './is-within.ts';
import { listTree, type TreeEntry } from './list-tree.ts';

/** A file or folder that is skipped, and why. */
export interface SkippedFile {
  /** Relative to the directory. Bytes that are not UTF-8 become U+FFFD. */
  path: string;
  reason: 'link_outside' | 'link_loop' | 'unreadable_folder' | 'name_not_utf8' | 'key_too_long';
}

export interface InputDirectoryOptions {
  /** Called once for each skipped path, but not for dotfiles and special files (default: nothing). */
  onSkipped?: ((skipped: SkippedFile) => void) | undefined;
}

/** The directory cannot be used as input, or a caller tried to change it. */
class InputDirectoryError extends ImageGptError {}

interface Folder {
  path: string;
  /** Real paths of this folder and of the folders around it. A link to one of them is a loop. */
  real: readonly string[];
}

/**
 * File times have a resolution of up to 10 ms (a kernel at 100 Hz). A file that was modified more recently than this can
 * change again without changing its time (milliseconds).
 */
const tickMs = 20;

/**
 * Opens a directory of pictures as a read-only bucket. Keys are relative paths with `/`. Ignores dotfiles, links that
 * leave the directory (see {@link linkTargets}), and special files.
 *
 * @throws {InputDirectoryError} when `root` is not a directory
 */
export async function openInputDirectory(root: string, options: InputDirectoryOptions = {}): Promise<ObjectStore> {
  const reported = new Set<string>();
  function onSkipped(skipped: SkippedFile): void {
    if (reported.has(skipped.path)) return;
    reported.add(skipped.path);
    options.onSkipped?.(skipped);
  }

  const realRoot = await realpath(root).catch((cause: unknown) => {
    throw new InputDirectoryError('input_not_found', `Expected a directory of pictures at ${root}.`, { cause });
  });
  if (!(await stat(realRoot)).isDirectory()) {
    throw new InputDirectoryError('input_not_found', `Expected a directory of pictures at ${root}, received a file.`);
  }
  const targets = linkTargets(realRoot);
  const inside = (real: string): boolean => targets.some((folder) => isWithin(folder, real));

  async function entries(folder: Folder): Promise<TreeEntry<Folder>[]> {
    const shown = (name: string): string => relative(realRoot, join(folder.path, name));
    const listed = await readdir(folder.path, { withFileTypes: true, encoding: 'buffer' }).catch((error: unknown) => {
      if (isOutOfFiles(error)) throw fileError('list', shown(''), error);
      if (!isMissing(error)) onSkipped({ path: shown(''), reason: 'unreadable_folder' });
      return [];
    });
    const found = await Promise.all(
      listed.map(async (entry): Promise<TreeEntry<Folder> | undefined> => {
        const name = utf8(entry.name);
        if (name === undefined) {
          onSkipped({ path: shown(entry.name.toString()), reason: 'name_not_utf8' });
          return undefined;
        }
        if (name.startsWith('.')) return undefined;
        const path = join(folder.path, name);
        if (entry.isFile()) return { name, path, kind: 'file' };
        const real = entry.isSymbolicLink() ? await realpath(path).catch(() => undefined) : path;
        if (real === undefined) return undefined;
        if (!inside(real)) {
          onSkipped({ path: shown(name), reason: 'link_outside' });
          return undefined;
        }
        const target = entry.isSymbolicLink() ? await stat(real).catch(() => undefined) : entry;
        if (target?.isFile()) return { name, path, kind: 'file' };
        if (!target?.isDirectory()) return undefined;
        if (!folder.real.includes(real))
          return { name, path, kind: 'folder', folder: { path, real: [...folder.real, real] } };
        onSkipped({ path: shown(name), reason: 'link_loop' });
        return undefined;
      }),
    );
    return found.filter((entry) => entry !== undefined);
  }

  async function object(key: string, path: string): Promise<StoredObject | undefined> {
    if (!inputKey.safeParse(key).success) {
      onSkipped({ path: key, reason: 'key_too_long' });
      return undefined;
    }
    const stats = await stat(path, { bigint: true }).catch(() => undefined);
    return stats?.isFile() ? storedObject(key, stats) : undefined;
  }

  /** Real path of the file that `key` names; undefined if it does not exist or is ignored. */
  async function locate(key: string): Promise<string | undefined> {
    const segments = checkedSegments(key);
    if (segments.some((segment) => segment.startsWith('.'))) return undefined;
    try {
      const real = await realpath(join(realRoot, ...segments));
      return inside(real) && (await stat(real)).isFile() ? real : undefined;
    } catch (error) {
      // No file has a name that is too long, and a loop of links leads to no file.
      if (isMissing(error) || ['ENAMETOOLONG', 'ELOOP'].includes(errorCode(error) ?? '')) return undefined;
      throw fileError('find', key, error);
    }
  }

  async function openFile(key: string): Promise<FileHandle | undefined> {
    const path = await locate(key);
    if (path === undefined) return undefined;
    try {
      return await openRegularFile(path);
    } catch (error) {
      // Something else has taken its place since it was found.
      if (isMissing(error) || error instanceof NotRegularFileError) return undefined;
      const code = errorCode(error);
      if (code === 'EACCES' || code === 'EPERM') throw accessDenied(code, error);
      throw fileError('read', key, error);
    }
  }

  return {
    list: ({ prefix = '', startAfter = '' } = {}) =>
      listTree({ root: { path: realRoot, real: [realRoot] }, entries, object, prefix, startAfter }),
    async head(key) {
      const path = await locate(key);
      return path === undefined ? undefined : object(key, path);
    },
    async get(key, { ifMatch, maxBytes = Number.POSITIVE_INFINITY } = {}) {
      await using file = await openFile(key);
      if (file === undefined) return { status: 'not_found' };
      const before = await file.stat({ bigint: true });
      const found = storedObject(key, before);
      if (ifMatch !== undefined && ifMatch !== found.etag) return { status: 'etag_mismatch' };
      if (found.size > maxBytes) return { status: 'too_large', object: found };
      const body = await readWhole(file, found.size).catch((cause: unknown) => {
        throw fileError('read', key, cause);
      });
      if (Date.now() - Number(before.mtimeMs) < tickMs) await setTimeout(tickMs);
      const after = await file.stat({ bigint: true });
      if (body.length === found.size && fileEtag(after) === found.etag) return { status: 'found', object: found, body };
      if (ifMatch !== undefined) return { status: 'etag_mismatch' };
      throw new TransientError(
        'changed_while_read',
        `Expected ${JSON.stringify(key)} to stay unchanged while it is read, but it changed.`,
      );
    },
    put: (key) => Promise.reject(readOnly(key)),
    delete: (key) => Promise.reject(readOnly(key)),
  };
}

async function readWhole(file: FileHandle, size: number): Promise<Uint8Array> {
  const body = new Uint8Array(size);
  let filled = 0;
  while (filled < size) {
    const { bytesRead } = await file.read(body, filled, size - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return body.subarray(0, filled);
}

/** The folders could be searched, so the file's own permissions are at fault. A retry would not help. */
function accessDenied(code: string, cause: unknown): PictureError {
  return new PictureError(
    'access_denied',
    `Expected a readable picture, but the system said ${code}; allow reading it, then retry the failed pictures.`,
    { cause },
  );
}

function checkedSegments(key: string): string[] {
  const segments = key.split('/');
  const bad = (segment: string): boolean => segment === '' || segment === '.' || segment === '..';
  if (segments.some(bad) || key.includes('\0')) throw new KeyError(key, 'that is a plain relative path');
  // On Windows, a backslash or a drive letter could lead out of the directory.
  if (sep === '\\' && /[\\:]/.test(key)) throw new KeyError(key, 'without backslash or colon');
  return segments;
}

function utf8(name: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(name);
  } catch {
    return undefined;
  }
}

function readOnly(key: string): ImageGptError {
  return new InputDirectoryError(
    'read_only',
    `Expected to read the input only, received a change of ${JSON.stringify(key)}.`,
  );
}
