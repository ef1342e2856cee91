import sharp from 'sharp';

/**
 * Writes pixels of our own making as a PNG: previews and completion grids.
 *
 * @param rgb [height, width, 3]
 */
export async function writePng(rgb: Uint8Array, width: number, height: number): Promise<Uint8Array> {
  return sharp(rgb, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}
