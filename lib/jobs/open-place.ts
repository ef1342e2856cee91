import { DeploymentError } from '../../functions/open-ports.ts';
import { createS3Client } from '../aws/clients.ts';
import { retryingStore } from '../aws/retrying-ports.ts';
import { createS3Store } from '../aws/s3-store.ts';
import { folderPrefix, parseS3Location } from '../contracts/s3-location.ts';
import { systemClock as clock, systemClock } from '../local/system-clock.ts';
import type { ObjectStore, StoredObject } from '../ports/object-store.ts';

/** What lies under `prefix`, as a bucket of its own. */
export function underPrefix(store: ObjectStore, prefix: string): ObjectStore {
  const outside = (object: StoredObject): StoredObject => ({ ...object, key: object.key.slice(prefix.length) });
  return {
    async *list({ prefix: inside = '', startAfter = '' } = {}) {
      const after = startAfter === '' ? {} : { startAfter: prefix + startAfter };
      for await (const object of store.list({ prefix: prefix + inside, ...after })) yield outside(object);
    },
    async head(key) {
      const object = await store.head(prefix + key);
      return object === undefined ? undefined : outside(object);
    },
    async get(key, options) {
      const read = await store.get(prefix + key, options);
      return 'object' in read ? { ...read, object: outside(read.object) } : read;
    },
    put: (key, body, condition) => store.put(prefix + key, body, condition),
    delete: (key, condition) => store.delete(prefix + key, condition),
  };
}

/**
 * What lies at `s3://bucket` or `s3://bucket/prefix`, through throttles and failures that pass.
 *
 * @throws {DeploymentError} `place_unreachable` for anything else
 */
export function openPlace(place: string): ObjectStore {
  const location = parseS3Location(place);
  if (location === undefined) {
    throw new DeploymentError('place_unreachable', `Expected a job on S3, received one at ${place}.`);
  }
  const store = retryingStore(createS3Store({ client: createS3Client(), bucket: location.bucket, clock }), clock);
  const prefix = folderPrefix(location.path);
  return prefix === '' ? store : underPrefix(store, prefix);
}

/** A bucket that throttles and short failures don't disturb. The SDK takes a while to load, so it is loaded here. */
export async function openBucket(bucket: string): Promise<ObjectStore> {
  const [{ createS3Client }, { createS3Store }, { retryingStore }] = await Promise.all([
    import('../aws/clients.ts'),
    import('../aws/s3-store.ts'),
    import('../aws/retrying-ports.ts'),
  ]);
  return retryingStore(createS3Store({ client: createS3Client(), bucket, clock: systemClock }), systemClock);
}
