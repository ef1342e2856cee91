import { compareKeys } from '../contracts/key-order.ts';

/**
 * Brings objects that come in the order of their keys into the order of `key + suffix`, which is another one: `a`,
 * `a!`, `a.b` become `a!.json`, `a.b.json`, `a.json`. Two keys change places only when one begins with the other, so
 * a key is held on a stack while the next one begins with it and sorts below it with the suffix. The stack is never
 * deeper than a key is long.
 */
export async function* inSuffixOrder<T extends { key: string }>(
  objects: AsyncIterable<T>,
  suffix: string,
): AsyncGenerator<T> {
  const held: T[] = [];
  for await (const object of objects) {
    for (let top = held.at(-1); top !== undefined; top = held.at(-1)) {
      if (object.key.startsWith(top.key) && compareKeys(object.key, top.key + suffix) < 0) break;
      held.pop();
      yield top;
    }
    held.push(object);
  }
  yield* held.reverse();
}
