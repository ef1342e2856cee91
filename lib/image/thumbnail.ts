import sharp from 'sharp';

/** Percent: at this size the eye sees no difference to 90, which takes twice the bytes. */
const QUALITY = 72;

/**
 * Writes pixels of a small picture as WebP, about 2 KB at 96x96.
 *
 * @param rgb [height, width, 3]
 */
export async function writeThumbnail(rgb: Uint8Array, width: number, height: number): Promise<Uint8Array> {
  return sharp(rgb, { raw: { width, height, channels: 3 } })
    .webp({ quality: QUALITY })
    .toBuffer();
}
