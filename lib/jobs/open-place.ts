import { folderPrefix, parseS3Location } from '../contracts/s3-location.ts';
import { systemClock as clock } from '../local/system-clock.ts';
import type { ObjectStore, StoredObject } from '../ports/object-store.ts';
import { JobError } from './stored-json.ts';

/**
 * Opens `s3://bucket` or `s3://bucket/prefix`, with retries.
 *
 * @throws {JobError} `place_unreachable` when it is not in S3
 */
export async function openPlace(place: string): Promise<ObjectStore> {
  const s3 = parseS3Location(place);
  if (s3 === undefined) {
    throw new JobError(
      'place_unreachable',
      `Expected s3://bucket/prefix, received ${place}: only a job in S3 runs on AWS.`,
    );
  }
  const store = await openBucket(s3.bucket);
  const prefix = folderPrefix(s3.path);
  return prefix === '' ? store : underPrefix(store, prefix);
}

/** Opens a bucket, with retries. The AWS SDK is slow to load, so it is loaded here. */
export async function openBucket(bucket: string): Promise<ObjectStore> {
  const [{ createS3Client }, { createS3Store }, { retryingStore }] = await Promise.all([
    import('../aws/clients.ts'),
    import('../aws/s3-store.ts'),
    import('../aws/retrying-ports.ts'),
  ]);
  return retryingStore(createS3Store({ client: createS3Client(), bucket, clock }), clock);
}

/** The objects under `prefix`, as a store whose keys leave it out. */
export function underPrefix(store: ObjectStore, prefix: string): ObjectStore {
  const withoutPrefix = (object: StoredObject): StoredObject => ({ ...object, key: object.key.slice(prefix.length) });
  return {
    async *list({ prefix: inside = '', startAfter = '' } = {}) {
      const after = startAfter === '' ? {} : { startAfter: prefix + startAfter };
      for await (const object of store.list({ prefix: prefix + inside, ...after })) yield withoutPrefix(object);
    },
    async head(key) {
      const object = await store.head(prefix + key);
      return object === undefined ? undefined : withoutPrefix(object);
    },
    async get(key, options) {
      const read = await store.get(prefix + key, options);
      return 'object' in read ? { ...read, object: withoutPrefix(read.object) } : read;
    },
    put: (key, body, condition) => store.put(prefix + key, body, condition),
    delete: (key, condition) => store.delete(prefix + key, condition),
  };
}
