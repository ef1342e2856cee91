import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { access, mkdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { folderPrefix, parseS3Location } from '../contracts/s3-location.ts';
import type { Clock } from '../ports/clock.ts';
import type { StoredObject } from '../ports/object-store.ts';
import { AwsError, awsError } from './aws-error.ts';
import { createS3Store } from './s3-store.ts';

export interface FetchModelOptions {
  client: S3Client;
  clock: Clock;
  /** A directory, or `s3://bucket/prefix`. */
  location: string;
  /** Where checkpoints from S3 are kept. */
  cache: string;
  /** Without, only the JSON files are fetched: enough to turn pictures into tokens. */
  weights: boolean;
}

/** Files of a checkpoint; anything else under the prefix stays where it is. */
const json = /^[^/]+\.json$/;
const safetensors = /^[^/]+\.safetensors$/;

/**
 * The directory of a checkpoint. One on S3 is fetched first, into a folder that is named by what is there, and appears
 * whole or not at all; its last segment is that of the prefix, because it may be the model's name.
 *
 * @throws {AwsError} `model_missing` when no config.json lies there; what reading S3 throws
 */
export async function fetchModel(options: FetchModelOptions): Promise<string> {
  const { client, clock, location, cache, weights } = options;
  const { bucket, path } = parseS3Location(location) ?? { bucket: undefined, path: '' };
  const prefix = folderPrefix(path);
  if (bucket === undefined || prefix === '') return location;
  const wanted = await files(bucket, prefix);
  const version = createHash('sha256').update(
    JSON.stringify([location, ...wanted.map(({ key, etag }) => [key, etag])]),
  );
  const place = join(cache, `checkpoint-${version.digest('hex').slice(0, 16)}`);
  const name = basename(prefix);
  if (await exists(join(place, name))) return join(place, name);

  const parts = `${place}.${process.pid}`;
  try {
    await mkdir(join(parts, name), { recursive: true });
    for (const file of wanted) await download(bucket, file, join(parts, name, file.key.slice(prefix.length)));
    await rename(parts, place).catch(async (error: unknown) => {
      // Somebody else was faster.
      if (!(await exists(join(place, name)))) throw error;
    });
  } finally {
    await rm(parts, { recursive: true, force: true });
  }
  return join(place, name);

  async function files(bucket: string, prefix: string): Promise<StoredObject[]> {
    const found: StoredObject[] = [];
    for await (const object of createS3Store({ client, bucket, clock }).list({ prefix })) {
      const file = object.key.slice(prefix.length);
      if (json.test(file) || (weights && safetensors.test(file))) found.push(object);
    }
    if (found.some(({ key }) => key === `${prefix}config.json`)) return found;
    throw new AwsError('model_missing', `Expected a checkpoint at ${location}, found no config.json there.`);
  }

  async function download(bucket: string, { key, etag }: StoredObject, to: string): Promise<void> {
    try {
      const { Body: body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key, IfMatch: etag }));
      if (!(body instanceof Readable)) throw new AwsError('aws_refused', `Expected a body of ${key}, received none.`);
      await pipeline(body, createWriteStream(to));
    } catch (error) {
      throw error instanceof AwsError ? error : awsError(`fetch ${key} of the model`, error);
    }
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
