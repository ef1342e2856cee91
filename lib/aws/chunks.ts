/**
 * Splits `items` into chunks of at most `maxItems` and `maxBytes` (default: unlimited). An item that is larger than
 * `maxBytes` gets its own chunk.
 */
export function* chunks<T>(
  items: readonly T[],
  bytesOf: (item: T) => number,
  { maxItems, maxBytes = Number.POSITIVE_INFINITY }: { maxItems: number; maxBytes?: number },
): Generator<T[]> {
  let chunk: T[] = [];
  let bytes = 0;
  for (const item of items) {
    const size = bytesOf(item);
    if (chunk.length >= maxItems || (chunk.length > 0 && bytes + size > maxBytes)) {
      yield chunk;
      chunk = [];
      bytes = 0;
    }
    chunk.push(item);
    bytes += size;
  }
  if (chunk.length > 0) yield chunk;
}
