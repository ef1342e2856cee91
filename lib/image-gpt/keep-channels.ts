/**
 * Leaves out the other channels. Overwrites `pixels`, because a large picture would not fit into memory twice.
 *
 * @param pixels [pixels, channels]
 * @param kept which channels to keep, ascending
 * @returns [pixels, kept], the beginning of `pixels`
 */
export function keepChannels(pixels: Uint8Array, channels: number, kept: readonly number[]): Uint8Array {
  if (kept.length === channels) return pixels;
  let o = 0;
  for (let i = 0; i < pixels.length; i += channels) {
    for (const channel of kept) {
      pixels[o] = pixels[i + channel]!;
      o += 1;
    }
  }
  return pixels.subarray(0, o);
}
