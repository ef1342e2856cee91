import { readdir, stat } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { makeDirectory } from '../files/make-directory.ts';
import { openRegularFile } from '../files/regular-file.ts';
import type { Clock } from '../ports/clock.ts';
import { awsError } from './aws-error.ts';
import { createS3Store } from './s3-store.ts';

/** Where the directory of a training (what `igpt train` writes) is kept on S3. */
export interface TrainingPlace {
  client: S3Client;
  clock: Clock;
  bucket: string;
  /** Ends with a slash. */
  prefix: string;
}

/** Everything but half-written files and the lock, which have no use on another machine. */
const isCopied = (path: string): boolean =>
  !path.split('/').some((part) => part.startsWith('.') || part.endsWith('.tmp') || part === 'lock');

/** A file of a checkpoint. */
const checkpointFile = /^training\/step-\d+\//;

/** A checkpoint's state, which holds the hashes of its other files. */
const isState = (path: string): boolean => path.endsWith('/trainer-state.json');

/**
 * Fetches a training from S3 into `directory`. `igpt train` itself detects and skips incomplete checkpoints.
 *
 * @throws {AwsError} and TransientError
 */
export async function fetchTraining(
  { client, clock, bucket, prefix }: TrainingPlace,
  directory: string,
): Promise<void> {
  for await (const { key } of createS3Store({ client, bucket, clock }).list({ prefix })) {
    const path = key.slice(prefix.length);
    if (!isCopied(path) || path.split('/').includes('..')) continue;
    const to = join(directory, path);
    await makeDirectory(dirname(to));
    try {
      const { Body: body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      if (!(body instanceof Readable)) continue;
      const file = await openRegularFile(to, 'replace');
      await pipeline(body, file.createWriteStream());
    } catch (error) {
      throw awsError(`fetch ${key} of the training`, error);
    }
  }
}

/**
 * Copies the directory of a training to S3. Each call uploads what is new or changed since the last one, and then
 * deletes the checkpoints that are gone here. The state of a checkpoint is uploaded last, because it vouches for the
 * other files.
 */
export function createTrainingMirror(
  { client, clock, bucket, prefix }: TrainingPlace,
  directory: string,
): () => Promise<void> {
  const uploaded = new Map<string, string>();
  const store = createS3Store({ client, bucket, clock });
  return async () => {
    const paths = await filesIn(directory);
    const here = new Set(paths);
    for (const path of paths.toSorted((a, b) => Number(isState(a)) - Number(isState(b)))) {
      const version = await versionOf(join(directory, path));
      if (version === undefined || uploaded.get(path) === version) continue;
      if (await upload(path)) uploaded.set(path, version);
    }
    for await (const { key } of store.list({ prefix: `${prefix}training/` })) {
      const path = key.slice(prefix.length);
      if (checkpointFile.test(path) && !here.has(path)) {
        await store.delete(key);
        uploaded.delete(path);
      }
    }
  };

  /** False when `igpt train` has deleted the file in the meantime. */
  async function upload(path: string): Promise<boolean> {
    // `igpt train` replaces files, appends to them and deletes them, but never overwrites bytes. So the bytes of an
    // open file do not change.
    const file = await openRegularFile(join(directory, path)).catch(() => undefined);
    if (file === undefined) return false;
    try {
      const { size } = await file.stat();
      const body = size === 0 ? new Uint8Array() : file.createReadStream({ start: 0, end: size - 1, autoClose: false });
      const command = { Bucket: bucket, Key: `${prefix}${path}`, Body: body, ContentLength: size };
      await client.send(new PutObjectCommand(command));
      return true;
    } catch (error) {
      throw awsError(`store ${path} of the training`, error);
    } finally {
      await file.close();
    }
  }
}

async function filesIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter(isCopied);
}

/** Differs whenever the content may have changed; undefined when there is no file. */
async function versionOf(path: string): Promise<string | undefined> {
  const facts = await stat(path).catch(() => undefined);
  return facts && `${facts.ino} ${facts.size} ${facts.mtimeMs}`;
}
