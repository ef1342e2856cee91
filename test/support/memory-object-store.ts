import { createHash } from 'node:crypto';
import type { Clock } from '../../lib/ports/clock.ts';
import type { ObjectStore, StoredObject } from '../../lib/ports/object-store.ts';

/** A bucket in memory as S3 behaves: ETag of the content, times in whole seconds, conditional writes, UTF-8 order. */
export interface MemoryObjectStore extends ObjectStore {
  /** What is there, by key. */
  readonly objects: ReadonlyMap<string, { object: StoredObject; body: Uint8Array }>;
  /** Body as text. */
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
      const there = objects.get(key)?.object.etag;
      if (condition !== undefined && 'ifNoneMatch' in condition && there !== undefined)
        return { status: 'precondition_failed' };
      if (condition !== undefined && 'ifMatch' in condition && there !== condition.ifMatch)
        return { status: 'precondition_failed' };
      const etag = `"${createHash('md5').update(body).digest('hex')}"`;
      const lastModified = new Date(Math.floor(clock.now().getTime() / 1000) * 1000);
      objects.set(key, { object: { key, etag, size: body.length, lastModified }, body });
      return { status: 'stored', etag };
    },
    async delete(key, condition) {
      const there = objects.get(key)?.object.etag;
      if (condition === undefined || condition.ifMatch === there) objects.delete(key);
    },
  };
}
