/** Cuts `items` into runs of at most `maxItems` and `maxBytes` (default: any number); an item that is larger by itself has a run of its own. */
export function* chunks<T>(
  items: readonly T[],
  bytesOf: (item: T) => number,
  { maxItems, maxBytes = Number.POSITIVE_INFINITY }: { maxItems: number; maxBytes?: number },
): Generator<T[]> {
  let batch: T[] = [];
  let bytes = 0;
  for (const item of items) {
    const size = bytesOf(item);
    if (batch.length >= maxItems || (batch.length > 0 && bytes + size > maxBytes)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(item);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}
