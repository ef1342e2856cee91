import fc from 'fast-check';
import { expect, test } from 'vitest';
import { inSuffixOrder } from '../../../lib/pipeline/suffix-order.ts';

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

async function reordered(keys: string[]): Promise<string[]> {
  const objects = (async function* () {
    for (const key of keys) yield { key };
  })();
  const result: string[] = [];
  for await (const { key } of inSuffixOrder(objects, '.json')) result.push(key);
  return result;
}

test('a key comes after those that it begins and that sort below it with .json', async () => {
  expect(await reordered(['a', 'a!', 'a.b', 'a/b'])).toEqual(['a!', 'a.b', 'a', 'a/b']);
});

test('the order is that of sorting the result keys', async () => {
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
