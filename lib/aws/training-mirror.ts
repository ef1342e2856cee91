import { createWriteStream } from 'node:fs';
import { mkdir, open, readdir, stat } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { Clock } from '../ports/clock.ts';
import { awsError } from './aws-error.ts';
import { createS3Store } from './s3-store.ts';

/** A training run's directory on S3: what `igpt train` writes, under `prefix` (with a slash at the end). */
export interface RunPlace {
  client: S3Client;
  clock: Clock;
  bucket: string;
  prefix: string;
}

/** Half-written files and the lock are of no use elsewhere. */
const ours = (path: string): boolean =>
  !path.split('/').some((part) => part.startsWith('.') || part.endsWith('.tmp') || part === 'lock');

/** A checkpoint of the run. */
const checkpoint = /^training\/step-\d+\//;

/** A checkpoint's state vouches for its other files, by their hashes: it goes last. */
const isState = (path: string): boolean => path.endsWith('/trainer-state.json');

/**
 * Fetches the run as far as it came into `directory`. What is not whole there, igpt train finds out and passes over.
 *
 * @throws {AwsError} and TransientError
 */
export async function fetchRun({ client, clock, bucket, prefix }: RunPlace, directory: string): Promise<void> {
  for await (const { key } of createS3Store({ client, bucket, clock }).list({ prefix })) {
    const path = key.slice(prefix.length);
    if (!ours(path) || path.split('/').includes('..')) continue;
    const to = join(directory, path);
    await mkdir(dirname(to), { recursive: true });
    try {
      const { Body: body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      if (body instanceof Readable) await pipeline(body, createWriteStream(to));
    } catch (error) {
      throw awsError(`fetch ${key} of the run`, error);
    }
  }
}

/**
 * Puts the run's directory on S3, again and again: each call puts what is new or changed since the last one, checkpoints
 * with their state last, and then removes those that are gone here.
 */
export function createRunMirror({ client, clock, bucket, prefix }: RunPlace, directory: string): () => Promise<void> {
  const put = new Map<string, string>();
  const store = createS3Store({ client, bucket, clock });
  return async () => {
    const paths = await filesIn(directory);
    const here = new Set(paths);
    for (const path of paths.toSorted((a, b) => Number(isState(a)) - Number(isState(b)))) {
      const version = await versionOf(join(directory, path));
      if (version !== undefined && put.get(path) !== version && (await upload(path))) put.set(path, version);
    }
    for await (const { key } of store.list({ prefix: `${prefix}training/` })) {
      const path = key.slice(prefix.length);
      if (checkpoint.test(path) && !here.has(path)) {
        await store.delete(key);
        put.delete(path);
      }
    }
  };

  /** False when training took the file away meanwhile. */
  async function upload(path: string): Promise<boolean> {
    // Open, it stays what it is: files are replaced or appended to, and checkpoints removed, but none is changed in place.
    const file = await open(join(directory, path)).catch(() => undefined);
    if (file === undefined) return false;
    try {
      const { size } = await file.stat();
      const body = size === 0 ? new Uint8Array() : file.createReadStream({ start: 0, end: size - 1, autoClose: false });
      const command = { Bucket: bucket, Key: `${prefix}${path}`, Body: body, ContentLength: size };
      await client.send(new PutObjectCommand(command));
      return true;
    } catch (error) {
      throw awsError(`store ${path} of the run`, error);
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
    .filter(ours);
}

async function versionOf(path: string): Promise<string | undefined> {
  const about = await stat(path).catch(() => undefined);
  return about && `${about.ino} ${about.size} ${about.mtimeMs}`;
}
