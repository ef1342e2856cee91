import { expect, test } from 'vitest';
import { AwsError, awsError } from '../../../lib/aws/aws-error.ts';
import { retryingQueue, retryingStore } from '../../../lib/aws/retrying-ports.ts';
import type { ObjectStore, StoredObject } from '../../../lib/ports/object-store.ts';
import type { Queue } from '../../../lib/ports/queue.ts';
import { createMemoryObjectStore } from '../../support/memory-object-store.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const answer = (name: string, httpStatusCode: number) =>
  awsError('do it', Object.assign(new Error('scripted'), { name, $metadata: { httpStatusCode } }));

/** A bucket of ten objects whose listing fails after every third object. */
async function brokenListing(
  error: Error,
): Promise<{ store: ObjectStore; clock: ReturnType<typeof createVirtualClock> }> {
  const clock = createVirtualClock();
  const memory = createMemoryObjectStore(clock);
  for (let i = 0; i < 10; i++) await memory.put(`${i}`, new Uint8Array());
  async function* list(options?: { prefix?: string; startAfter?: string }): AsyncGenerator<StoredObject> {
    let given = 0;
    for await (const object of memory.list(options)) {
      if (given++ === 3) throw error;
      yield object;
    }
  }
  return { store: retryingStore({ ...memory, list }, clock), clock };
}

test('a throttled listing resumes after its last key', async () => {
  const { store } = await brokenListing(answer('SlowDown', 503));
  const keys: string[] = [];
  for await (const { key } of store.list()) keys.push(key);

  expect(keys).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
});

test.each([
  ['denied', answer('AccessDenied', 403)],
  ['refused', new AwsError('aws_refused', 'no such bucket')],
])('an error that is %s is not retried', async (_, error) => {
  const { store, clock } = await brokenListing(error);
  const started = clock.now().getTime();
  const read = async () => {
    for await (const { key } of store.list()) key.at(0);
  };

  await expect(read()).rejects.toBe(error);
  expect(clock.now().getTime()).toBe(started);
});

test('an error that lasts a minute is thrown', async () => {
  const clock = createVirtualClock();
  const error = answer('ServiceUnavailable', 503);
  let attempts = 0;
  const queue: Queue = {
    async send() {
      attempts += 1;
      throw error;
    },
    receive: async () => [],
    delete: async () => {},
    changeVisibility: async () => {},
  };

  await expect(retryingQueue(queue, clock).send(['a'])).rejects.toBe(error);
  expect(attempts).toBe(7);
});

test('a read that fails once succeeds', async () => {
  const clock = createVirtualClock();
  const memory = createMemoryObjectStore(clock);
  await memory.put('a', new Uint8Array(3));
  let attempts = 0;
  const head = (key: string) => (attempts++ === 0 ? Promise.reject(answer('Timeout', 500)) : memory.head(key));

  expect(await retryingStore({ ...memory, head }, clock).head('a')).toMatchObject({ size: 3 });
});
