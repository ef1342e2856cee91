import { constants, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { errorCode, ImageGptError } from '../ports/error.ts';

/** A path leads to a folder, a pipe, a socket or a device. */
export class NotRegularFileError extends ImageGptError {
  /** What is there instead, with its article. */
  readonly received: string;

  constructor(path: string, received: string, options?: ErrorOptions) {
    super('not_a_file', `Expected ${JSON.stringify(path)} to be a file, received ${received}; remove it.`, options);
    this.received = received;
  }
}

/**
 * Ways to open a file:
 *
 * - `read`, and `update` for reading and writing: the file must exist
 * - `append`: writes at the end, and creates the file if needed
 * - `replace`: empties the file if it is there
 * - `create`: nothing may have the name, not even a link
 */
const flagsOf = {
  read: constants.O_RDONLY,
  update: constants.O_RDWR,
  append: constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND,
  replace: constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC,
  create: constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL,
} as const;

/**
 * Opening a pipe would wait for its other end on a thread that cannot be stopped, and opening a terminal could make it
 * ours. On a regular file the flags have no effect.
 */
const withoutWaiting = constants.O_NONBLOCK | constants.O_NOCTTY;

/**
 * Opens a regular file, or a link to one. This is the only place that opens a path: it is opened first and looked at
 * afterwards, so that nothing can take its place in between.
 *
 * @throws {NotRegularFileError} for anything else, at once; errors of the system
 */
export async function openRegularFile(path: string, use: keyof typeof flagsOf = 'read'): Promise<FileHandle> {
  const file = await open(path, flagsOf[use] | withoutWaiting).catch((cause: unknown) => {
    const received = unopenable[errorCode(cause) ?? ''];
    throw received === undefined ? cause : new NotRegularFileError(path, received, { cause });
  });
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw new NotRegularFileError(path, kindOf(stats));
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The bytes of a regular file. Throws as {@link openRegularFile}. */
export async function readRegularFile(path: string): Promise<Buffer> {
  await using file = await openRegularFile(path);
  return await file.readFile();
}

/** The text of a regular file in UTF-8. Throws as {@link openRegularFile}. */
export async function readTextFile(path: string): Promise<string> {
  return (await readRegularFile(path)).toString('utf8');
}

/** Writes a new file, through to the disk. Throws EEXIST if anything has its name, and errors of the system. */
export async function createFile(path: string, content: string | Uint8Array): Promise<void> {
  await using file = await openRegularFile(path, 'create');
  await file.writeFile(content);
  await file.datasync();
}

/** What has the place of a file, with its article: a folder, a pipe, a socket, a device. */
export function kindOf(stats: Pick<Stats, 'isDirectory' | 'isFIFO' | 'isSocket' | 'isFile'>): string {
  if (stats.isFile()) return 'a file';
  if (stats.isDirectory()) return 'a folder';
  if (stats.isFIFO()) return 'a pipe';
  return stats.isSocket() ? 'a socket' : 'a device';
}

/** Answers of the system for what cannot be opened as a file: open(2) of Linux and macOS. */
const unopenable: Readonly<Record<string, string>> = {
  EISDIR: 'a folder',
  ENXIO: 'a pipe, a socket or a device',
  ENODEV: 'a device',
  EOPNOTSUPP: 'a socket',
};
