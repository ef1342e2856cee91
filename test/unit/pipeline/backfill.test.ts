import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hasLongResultKey } from '../../../lib/contracts/keys.ts';
import { type BackfillOptions, backfill, inSuffixOrder } from '../../../lib/pipeline/backfill.ts';
import { outcomeKey } from '../../../lib/pipeline/outcome-key.ts';
import { createMemoryObjectStore, type MemoryObjectStore } from '../../support/memory-object-store.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

describe('the backfill', () => {
  const model = 'fake-1';

  function world() {
    const clock = createVirtualClock();
    return { clock, input: createMemoryObjectStore(clock), output: createMemoryObjectStore(clock) };
  }

  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

  async function storeFailed(output: MemoryObjectStore, key: string, etag: string): Promise<void> {
    const outcome = {
      schema_version: 1,
      status: 'failed',
      key,
      etag,
      model,
      created_at: '2026-01-01T00:00:00.000Z',
      error: { code: 'corrupt_image', message: 'no' },
    };
    await output.put(outcomeKey(model, key), bytes(JSON.stringify(outcome)));
  }

  async function found(options: Omit<BackfillOptions, 'model'>): Promise<string[]> {
    const keys: string[] = [];
    for await (const { key, reason } of backfill({ ...options, model })) keys.push(`${reason} ${key}`);
    return keys.sort();
  }

  /**
   * Keys that are hard to order: prefixes of each other, bytes next to those of `.json`, long and astral characters.
   */
  const hardKey = fc
    .array(fc.constantFrom('a', 'b', '!', '.', '/', '.json', '.j', '-', '~', '\ufffd', '🐈', 'é', 'x'.repeat(500)), {
      minLength: 1,
      maxLength: 4,
    })
    .map((parts) => parts.join(''))
    .filter((key) => Buffer.byteLength(key) <= 1024);
  test('finds exactly the pictures without an outcome, whatever their keys', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(hardKey, { maxLength: 40 }),
        fc.uniqueArray(hardKey, { maxLength: 40 }),
        fc.constantFrom('', '', 'a', 'a.', 'x', '🐈'),
        async (pictures, done, prefix) => {
          const { clock, input, output } = world();
          for (const key of pictures) await input.put(key, bytes(key));
          clock.jump(5000);
          for (const key of done) await storeFailed(output, key, (await input.head(key))?.etag ?? '"gone"');
          const current: string[] = [];
          const orphans: string[] = [];
          const missing = await found({
            input,
            output,
            prefix,
            onCurrent: (key) => current.push(key),
            onOrphan: async (_, key) => void orphans.push(key),
          });
          const wanted = pictures.filter((key) => key.startsWith(prefix));
          expect(missing).toEqual(
            wanted
              .filter((key) => !done.includes(key))
              .map((key) => `missing ${key}`)
              .sort(),
          );
          expect(current.sort()).toEqual(wanted.filter((key) => done.includes(key)).sort());
          const gone = done.filter((key) => key.startsWith(prefix) && !pictures.includes(key));
          expect(orphans.sort()).toEqual(gone.filter((key) => !hasLongResultKey(model, key)).sort());
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('finds a picture that was overwritten after its outcome was stored', async () => {
    const { clock, input, output } = world();
    await input.put('a.jpg', bytes('first'));
    await storeFailed(output, 'a.jpg', (await input.head('a.jpg'))?.etag ?? '');
    clock.jump(5000);
    await input.put('a.jpg', bytes('second'));
    expect(await found({ input, output })).toEqual(['stale a.jpg']);
  });

  test('accepts an outcome as old as its picture if it has the same ETag', async () => {
    const { input, output } = world();
    await input.put('a.jpg', bytes('same second'));
    await storeFailed(output, 'a.jpg', (await input.head('a.jpg'))?.etag ?? '');
    await input.put('b.jpg', bytes('same second'));
    await storeFailed(output, 'b.jpg', '"another version"');
    expect(await found({ input, output })).toEqual(['stale b.jpg']);
  });

  test('finds failed pictures only with retryFailed', async () => {
    const { clock, input, output } = world();
    const { etag } = (await input.put('a.jpg', bytes('bad'))) as { etag: string };
    clock.jump(5000);
    await storeFailed(output, 'a.jpg', etag);
    expect(await found({ input, output })).toEqual([]);
    expect(await found({ input, output, retryFailed: true })).toEqual(['failed a.jpg']);
  });

  test('accepts an outcome that is newer than its picture, except with verify', async () => {
    const { clock, input, output } = world();
    await input.put('a.jpg', bytes('second version'));
    clock.jump(5000);
    await storeFailed(output, 'a.jpg', '"first version"');
    expect(await found({ input, output })).toEqual([]);
    expect(await found({ input, output, verify: true })).toEqual(['stale a.jpg']);
  });

  test('finds a picture whose outcome is empty or damaged', async () => {
    const { clock, input, output } = world();
    await input.put('a.jpg', bytes('good'));
    await input.put('b.jpg', bytes('good'));
    clock.jump(5000);
    await output.put(outcomeKey(model, 'a.jpg'), bytes(''));
    await output.put(outcomeKey(model, 'b.jpg'), bytes('{"status":'));
    expect(await found({ input, output, verify: true })).toEqual(['damaged a.jpg', 'damaged b.jpg']);
    expect(await found({ input, output })).toEqual(['damaged a.jpg']);
  });

  test('skips outcomes of any stack', async () => {
    const { input, output } = world();
    await input.put('results/other-0123456789ab/a.jpg.json', bytes('{}'));
    await input.put('results/a.jpg', bytes('good'));
    expect(await found({ input, output })).toEqual(['missing results/a.jpg']);
  });

  test('skips folder markers', async () => {
    const { input, output } = world();
    await input.put('cats/', bytes(''));
    await input.put('cats/a.jpg', bytes('good'));
    expect(await found({ input, output })).toEqual(['missing cats/a.jpg']);
  });

  test('ignores the outcomes of another model', async () => {
    const { clock, input, output } = world();
    await input.put('a.jpg', bytes('good'));
    clock.jump(5000);
    await output.put(outcomeKey('fake-10', 'a.jpg'), bytes('{}'));
    expect(await found({ input, output })).toEqual(['missing a.jpg']);
  });

  test('fails when an outcome cannot be read', async () => {
    const { input, output } = world();
    await input.put('a.jpg', bytes('good'));
    await storeFailed(output, 'a.jpg', '"1"');
    const broken = { ...output, get: () => Promise.reject(new Error('broken')) };
    await expect(found({ input, output: broken })).rejects.toThrow('broken');
  });
});

describe('suffix order', () => {
  const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

  async function reordered(keys: string[]): Promise<string[]> {
    const objects = (async function* () {
      for (const key of keys) yield { key };
    })();
    const result: string[] = [];
    for await (const { key } of inSuffixOrder(objects, '.json')) result.push(key);
    return result;
  }

  test('puts a key after the keys that begin with it and sort before it with .json', async () => {
    expect(await reordered(['a', 'a!', 'a.b', 'a/b'])).toEqual(['a!', 'a.b', 'a', 'a/b']);
  });

  test('sorts as the outcome keys sort', async () => {
    const part = fc.constantFrom('a', '.', '!', '.json', '.jso', '.jsoo', '/', '🐈', '\ufffd');
    const key = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join(''));
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(key, { maxLength: 50 }), async (keys) => {
        const sorted = keys.map((key) => `${key}.json`).sort(byBytes);
        expect((await reordered(keys.toSorted(byBytes))).map((key) => `${key}.json`)).toEqual(sorted);
      }),
      { numRuns: 2000 },
    );
  });
});
