/** Yields the result of `work` for each item, in order. At most `concurrency` results are begun and not yet taken. */
export async function* mapInOrder<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  concurrency: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const begun: Promise<R>[] = [];
  for await (const item of items) {
    const result = work(item);
    // If an earlier item fails, nobody awaits this result, and its own failure must not end the process.
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
