/** Results of `work` for each item, in the order of the items, with at most `concurrency` of them begun and not yet taken. */
export async function* mapInOrder<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  concurrency: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const begun: Promise<R>[] = [];
  for await (const item of items) {
    const result = work(item);
    // Its turn may never come when an earlier one fails: then its own failure is nobody's.
    result.catch(() => {});
    begun.push(result);
    const first = begun.length >= concurrency ? begun.shift() : undefined;
    if (first !== undefined) {
      yield await first;
    }
  }
  for (const result of begun) {
    yield await result;
  }
}
