import type { ObjectStore, StoredObject } from './ports.ts';

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
