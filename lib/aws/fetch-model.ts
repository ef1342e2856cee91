import { createHash } from 'node:crypto';
import { access, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { S3Client } from '@aws-sdk/client-s3';
import { folderPrefix, parseS3Location } from '../contracts/s3-location.ts';
import { nameBeside, removeLeftovers } from '../files/leftovers.ts';
import { makeDirectory } from '../files/make-directory.ts';
import type { Clock } from '../ports/clock.ts';
import type { StoredObject } from '../ports/object-store.ts';
import { AwsError } from './aws-error.ts';
import { cacheNotWritable, downloadFiles } from './download-files.ts';
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
  /** Delete a copy that is there and fetch it again (default false). */
  again?: boolean | undefined;
}

/** Files of a checkpoint. Other files under the prefix are not fetched. */
const json = /^[^/]+\.json$/;
const safetensors = /^[^/]+\.safetensors$/;

/**
 * Returns the directory of a checkpoint. Fetches the checkpoint first if it is on S3: whole or not at all, into
 * `<cache>/checkpoint-<hash of keys and ETags>/<last segment of the prefix>`. The last segment may be the model's name.
 * Removes what killed processes left of it.
 *
 * @throws {AwsError} `model_missing` when the prefix has no config.json; also the errors of {@link downloadFiles}
 */
export async function fetchModel(options: FetchModelOptions): Promise<string> {
  const { client, clock, location, cache, weights, again = false } = options;
  const { bucket, path } = parseS3Location(location) ?? { bucket: undefined, path: '' };
  const prefix = folderPrefix(path);
  if (bucket === undefined || prefix === '') return location;
  const wanted = await listFiles(bucket, prefix);
  const version = createHash('sha256').update(
    JSON.stringify([location, ...wanted.map(({ key, etag }) => [key, etag])]),
  );
  const place = join(cache, `checkpoint-${version.digest('hex').slice(0, 16)}`);
  const directory = join(place, basename(prefix));
  if (again) await rm(place, { recursive: true, force: true });
  if (await exists(directory)) return directory;

  await removeLeftovers(place);
  const partial = nameBeside(place, 'tmp');
  const partialDirectory = join(partial, basename(prefix));
  try {
    await makeDirectory(partialDirectory).catch((cause: unknown) => {
      throw cacheNotWritable(cache, cause);
    });
    const files = wanted.map((object) => ({ ...object, to: join(partialDirectory, object.key.slice(prefix.length)) }));
    await downloadFiles(files, { client, clock, bucket });
    await rename(partial, place).catch(async (error: unknown) => {
      // Another process has fetched it in the meantime.
      if (!(await exists(directory))) throw error;
    });
  } finally {
    await rm(partial, { recursive: true, force: true }).catch(() => {}); // the error before matters more
  }
  return directory;

  async function listFiles(bucket: string, prefix: string): Promise<StoredObject[]> {
    const found: StoredObject[] = [];
    for await (const object of createS3Store({ client, bucket, clock }).list({ prefix })) {
      const file = object.key.slice(prefix.length);
      if (json.test(file) || (weights && safetensors.test(file))) found.push(object);
    }
    if (found.some(({ key }) => key === `${prefix}config.json`)) return found;
    throw new AwsError('model_missing', `Expected a checkpoint at ${location}, but it has no config.json.`);
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
