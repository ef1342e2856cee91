import { createHash } from 'node:crypto';
import { access, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { folderPrefix, parseS3Location } from '../contracts/s3-location.ts';
import { makeDirectory } from '../files/make-directory.ts';
import { openRegularFile } from '../files/regular-file.ts';
import type { Clock } from '../ports/clock.ts';
import type { StoredObject } from '../ports/object-store.ts';
import { AwsError, awsError } from './aws-error.ts';
import { createS3Store } from './s3-store.ts';

export interface FetchModelOptions {
  client: S3Client;
  clock: Clock;
  /** A directory, or `s3://bucket/prefix`. */
  location: string;
  /** Folder that keeps checkpoints from S3. */
  cache: string;
  /** False: fetch only the JSON files, which are enough to turn pictures into tokens. */
  weights: boolean;
}

/** Files of a checkpoint. Other files under the prefix are not fetched. */
const json = /^[^/]+\.json$/;
const safetensors = /^[^/]+\.safetensors$/;

/**
 * Returns the directory of a checkpoint. Fetches the checkpoint first if it is on S3: whole or not at all, into
 * `<cache>/checkpoint-<hash of keys and ETags>/<last segment of the prefix>`. The last segment may be the model's name.
 *
 * @throws {AwsError} `model_missing` when the prefix has no config.json; also the errors of reading S3
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

  const partial = `${place}.${process.pid}`;
  try {
    await makeDirectory(join(partial, name));
    for (const file of wanted) await download(bucket, file, join(partial, name, file.key.slice(prefix.length)));
    await rename(partial, place).catch(async (error: unknown) => {
      // Another process has fetched it in the meantime.
      if (!(await exists(join(place, name)))) throw error;
    });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  return join(place, name);

  async function files(bucket: string, prefix: string): Promise<StoredObject[]> {
    const found: StoredObject[] = [];
    for await (const object of createS3Store({ client, bucket, clock }).list({ prefix })) {
      const file = object.key.slice(prefix.length);
      if (json.test(file) || (weights && safetensors.test(file))) found.push(object);
    }
    if (found.some(({ key }) => key === `${prefix}config.json`)) return found;
    throw new AwsError('model_missing', `Expected a checkpoint at ${location}, but it has no config.json.`);
  }

  async function download(bucket: string, { key, etag }: StoredObject, to: string): Promise<void> {
    try {
      const { Body: body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key, IfMatch: etag }));
      if (!(body instanceof Readable)) throw new AwsError('aws_refused', `Expected a body for ${key}, received none.`);
      const file = await openRegularFile(to, 'create');
      await pipeline(body, file.createWriteStream());
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
