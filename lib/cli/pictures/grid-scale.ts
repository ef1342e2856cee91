/** A tile that is easy to look at, pixels. */
const COMFORTABLE_TILE = 128;

/** Widest grid: viewers and memory take this easily, pixels. */
const WIDEST_GRID = 8192;

/** How much the pixels of a tile are enlarged in a grid of so many columns. */
export function gridScale(tileWidth: number, columns: number): number {
  const tile = Math.min(COMFORTABLE_TILE, WIDEST_GRID / columns);
  return Math.max(1, Math.floor(tile / tileWidth));
}
