/** `total` in `count` parts that differ by at most 1. */
export function evenly(total: number, count: number): number[] {
  return Array.from(
    { length: count },
    (_, i) => Math.floor(((i + 1) * total) / count) - Math.floor((i * total) / count),
  );
}
