import { createHash } from 'node:crypto';
import type { Clock } from '../../lib/ports/clock.ts';
import type { ObjectStore, StoredObject } from '../../lib/ports/object-store.ts';

/**
 * A bucket in memory that behaves like S3: ETag of the content, times in whole seconds, conditional writes, UTF-8
 * order.
 */
export interface MemoryObjectStore extends ObjectStore {
  /** Stored objects by key. */
  readonly objects: ReadonlyMap<string, { object: StoredObject; body: Uint8Array }>;
  /** Body of an object as text. */
  text(key: string): string | undefined;
}

export function createMemoryObjectStore(clock: Clock): MemoryObjectStore {
  const objects = new Map<string, { object: StoredObject; body: Uint8Array }>();
  return {
    objects,
    text(key) {
      const found = objects.get(key);
      return found === undefined ? undefined : new TextDecoder().decode(found.body);
    },
    async *list({ prefix = '', startAfter = '' } = {}) {
      const after = Buffer.from(startAfter);
      const sorted = [...objects.values()]
        .map(({ object }) => ({ object, bytes: Buffer.from(object.key) }))
        .sort((a, b) => Buffer.compare(a.bytes, b.bytes));
      for (const { object, bytes } of sorted) {
        if (object.key.startsWith(prefix) && Buffer.compare(bytes, after) > 0) yield object;
      }
    },
    head: async (key) => objects.get(key)?.object,
    async get(key, { ifMatch, maxBytes = Number.POSITIVE_INFINITY } = {}) {
      const found = objects.get(key);
      if (found === undefined) return { status: 'not_found' };
      if (ifMatch !== undefined && ifMatch !== found.object.etag) return { status: 'etag_mismatch' };
      if (found.object.size > maxBytes) return { status: 'too_large', object: found.object };
      return { status: 'found', ...found };
    },
    async put(key, body, condition) {
      const current = objects.get(key)?.object.etag;
      if (condition !== undefined && 'ifNoneMatch' in condition && current !== undefined)
        return { status: 'precondition_failed' };
      if (condition !== undefined && 'ifMatch' in condition && current !== condition.ifMatch)
        return { status: 'precondition_failed' };
      const etag = `"${createHash('md5').update(body).digest('hex')}"`;
      const lastModified = new Date(Math.floor(clock.now().getTime() / 1000) * 1000);
      objects.set(key, { object: { key, etag, size: body.length, lastModified }, body });
      return { status: 'stored', etag };
    },
    async delete(key, condition) {
      const current = objects.get(key)?.object.etag;
      if (condition === undefined || condition.ifMatch === current) objects.delete(key);
    },
  };
}
