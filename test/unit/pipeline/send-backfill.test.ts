import { expect, test } from 'vitest';
import { outcomeKey } from '../../../lib/pipeline/outcome-key.ts';
import { type SendBackfillOptions, sendBackfill } from '../../../lib/pipeline/send-backfill.ts';
import type { Queue } from '../../../lib/ports/queue.ts';
import { createMemoryObjectStore } from '../../support/memory-object-store.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const model = 'fake-1';
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function world(options: Partial<SendBackfillOptions> = {}) {
  const clock = createVirtualClock();
  const [input, output] = [createMemoryObjectStore(clock), createMemoryObjectStore(clock)];
  const bodies: string[] = [];
  const queue: Queue = {
    send: async (more) => void bodies.push(...more),
    receive: async () => [],
    delete: async () => {},
    changeVisibility: async () => {},
  };
  const defaults: SendBackfillOptions = {
    input,
    output,
    model,
    queue,
    clock,
    prefix: '',
    dryRun: false,
    prune: false,
    force: false,
    waiting: async () => 0,
    maxWaiting: 1000,
    signal: new AbortController().signal,
  };
  return {
    clock,
    input,
    output,
    queue,
    /** Keys of the references that were sent. */
    sent: () => bodies.map((body) => JSON.parse(body).key).sort(),
    bodies,
    put: (...keys: string[]) => Promise.all(keys.map((key) => input.put(key, bytes(key)))),
    async done(key: string, status: 'failed' | 'damaged' = 'failed') {
      const etag = (await input.head(key))?.etag ?? '"gone"';
      const about = { schema_version: 1, status, key, etag, model, created_at: '2026-01-01T00:00:00.000Z' };
      const body =
        status === 'damaged' ? '{' : JSON.stringify({ ...about, error: { code: 'corrupt_image', message: 'no' } });
      await output.put(outcomeKey(model, key), bytes(body));
    },
    run: (more: Partial<SendBackfillOptions> = {}) => sendBackfill({ ...defaults, ...options, ...more }),
  };
}

test('sends a reference without ETag for a picture without an outcome', async () => {
  const { put, run, done, clock, bodies } = world();
  await put('a.jpg', 'b.jpg');
  clock.jump(5000);
  await done('a.jpg');

  expect(await run()).toMatchObject({ seen: 2, current: 1, missing: 1, sent: 1, interrupted: false });
  expect(bodies).toEqual(['{"schema_version":1,"type":"reference","key":"b.jpg"}']);
});

test('a second backfill sends only what still has no outcome', async () => {
  const { put, run, done, sent, clock } = world();
  await put('a.jpg', 'b.jpg', 'c.jpg');
  await run();
  clock.jump(5000);
  await done('b.jpg');
  await run();

  expect(sent()).toEqual(['a.jpg', 'a.jpg', 'b.jpg', 'c.jpg', 'c.jpg']);
});

test('a dry run counts and sends nothing', async () => {
  const { put, run, done, bodies, output } = world();
  await put('a.jpg');
  await done('gone.jpg');

  expect(await run({ dryRun: true, prune: true })).toMatchObject({ missing: 1, sent: 0, orphans: 1, pruned: 0 });
  expect(bodies).toEqual([]);
  expect(output.objects.size).toBe(1);
});

test('reads every outcome with verify', async () => {
  const { put, run, done, clock, sent } = world();
  await put('a.jpg', 'b.jpg');
  clock.jump(5000);
  await done('a.jpg');
  await done('b.jpg', 'damaged');

  expect(await run({ verify: true })).toMatchObject({ current: 1, failed: 1, damaged: 1, sent: 1 });
  expect(sent()).toEqual(['b.jpg']);
});

test('sends failed pictures with retryFailed', async () => {
  const { put, run, done, clock } = world();
  await put('a.jpg');
  clock.jump(5000);
  await done('a.jpg');

  expect(await run({ retryFailed: true })).toMatchObject({ current: 0, retried: 1, sent: 1 });
});

test('pauses while too many pictures wait, and reports it', async () => {
  const waiting = [1001, 1500, 1000];
  const said: string[] = [];
  const { put, run, clock } = world({
    waiting: async () => waiting.shift() ?? 0,
    onPause: (count) => said.push(`pause at ${count}`),
    onResume: () => said.push('resume'),
  });
  await put('a.jpg');
  const started = clock.now().getTime();

  expect(await run()).toMatchObject({ sent: 1 });
  expect(said).toEqual(['pause at 1001', 'resume']);
  // Counted three times, ten seconds apart.
  expect(clock.now().getTime() - started).toBe(20_000);
});

test('counts the waiting pictures again after every 2,000', async () => {
  let counts = 0;
  const { put, run } = world({
    async waiting() {
      counts += 1;
      return 0;
    },
  });
  await put(...Array.from({ length: 4500 }, (_, i) => `${i}.jpg`));

  expect(await run()).toMatchObject({ sent: 4500 });
  // Before the first, after 2,000 and after 4,000.
  expect(counts).toBe(3);
});

test.each(['missing', 'current'])(
  'an interrupt among %s pictures ends it after the sends in progress',
  async (kind) => {
    const stop = new AbortController();
    const { put, run, done, bodies, clock } = world({ signal: stop.signal });
    const keys = Array.from({ length: 100 }, (_, i) => `${i}.jpg`);
    await put(...keys);
    clock.jump(5000);
    if (kind === 'current') for (const key of keys) await done(key);
    const result = await run({ onProgress: ({ seen }) => seen >= 35 && stop.abort() });

    expect(result.interrupted).toBe(true);
    expect(result.seen).toBeLessThan(40);
    expect(result.sent).toBe(bodies.length);
    expect(result.sent % 10).toBe(0);
  },
);

test('an interrupt ends a pause', async () => {
  const stop = new AbortController();
  const { put, run, bodies } = world({ signal: stop.signal, waiting: async () => 5000, onPause: () => stop.abort() });
  await put('a.jpg');

  expect(await run()).toMatchObject({ interrupted: true, sent: 0 });
  expect(bodies).toEqual([]);
});

test('a failed send ends it with that error', async () => {
  const { put, run, queue } = world();
  await put(...Array.from({ length: 500 }, (_, i) => `${i}.jpg`));
  const denied = { ...queue, send: () => Promise.reject(new Error('denied')) };

  await expect(run({ queue: denied })).rejects.toThrow('denied');
});

test('prunes exactly the outcomes of deleted pictures, including long keys', async () => {
  const { put, run, done, output } = world();
  const long = 'x'.repeat(1010);
  await put('a.jpg', `${long}1`);
  for (const key of ['a.jpg', 'b.jpg', `${long}1`, `${long}2`]) await done(key);
  await output.put('results/fake-10/b.jpg.json', bytes('of another model'));

  expect(await run({ prune: true })).toMatchObject({ orphans: 2, pruned: 2 });
  expect([...output.objects.keys()].sort()).toEqual(
    ['results/fake-10/b.jpg.json', outcomeKey(model, 'a.jpg'), outcomeKey(model, `${long}1`)].sort(),
  );
});

test('prunes only below the prefix', async () => {
  const { put, run, done, output } = world();
  await put('a/1.jpg');
  // `a` does not begin with `a.j`, but its outcome `a.json` does.
  for (const key of ['a/1.jpg', 'a/2.jpg', 'b/1.jpg', 'a']) await done(key);

  expect(await run({ prune: true, prefix: 'a/' })).toMatchObject({ pruned: 1 });
  expect(await run({ prune: true, prefix: 'a.j' })).toMatchObject({ pruned: 0 });
  expect(output.objects.size).toBe(3);
});

test('keeps the outcome of a picture that was uploaded during the listing', async () => {
  const { put, run, done, input, output } = world();
  await put('a.jpg');
  await done('b.jpg');
  const listing = { ...input, head: async (key: string) => (key === 'b.jpg' ? input.head('a.jpg') : input.head(key)) };

  expect(await run({ prune: true, input: listing })).toMatchObject({ orphans: 1, pruned: 0 });
  expect(output.objects.size).toBe(1);
});

test('refuses to prune when the bucket is empty, except with force', async () => {
  const { run, done, output } = world();
  await done('a.jpg');

  await expect(run({ prune: true })).rejects.toMatchObject({ code: 'nothing_to_keep' });
  expect(output.objects.size).toBe(1);
  expect(await run({ prune: true, force: true })).toMatchObject({ pruned: 1 });
});
