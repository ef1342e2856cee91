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

/** Pixels of the picture for one of the drawing: sharp on fine screens. */
const SCALE = 2;

/** SVG counts 96 pixels an inch, and librsvg takes 72 for the size of one. */
const DOTS_PER_INCH = 72;

/** Draws an SVG of our own making as a PNG. Never for a stranger's: that goes through the decoder. */
export async function svgToPng(svg: string): Promise<Uint8Array> {
  return sharp(Buffer.from(svg), { density: DOTS_PER_INCH * SCALE })
    .png({ palette: true })
    .toBuffer();
}

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
