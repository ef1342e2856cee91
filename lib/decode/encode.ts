import sharp from 'sharp';

/**
 * Encodes our own pixels as a PNG: previews and completion grids.
 *
 * @param rgb [height, width, 3]
 */
export async function writePng(rgb: Uint8Array, width: number, height: number): Promise<Uint8Array> {
  return sharp(rgb, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

/** PNG pixels per SVG pixel: two, for high-resolution screens. */
const scale = 2;

/** The density at which librsvg draws one SVG pixel as one PNG pixel. */
const dotsPerInch = 72;

/** Renders our own SVG as a PNG. An SVG from a user goes through the decoder instead. */
export async function svgToPng(svg: string): Promise<Uint8Array> {
  return sharp(Buffer.from(svg), { density: dotsPerInch * scale })
    .png({ palette: true })
    .toBuffer();
}

/** WebP quality (percent). For small pictures, 90 looks the same and takes twice the bytes. */
const quality = 72;

/**
 * Encodes a small picture as WebP: about 2 KB at 96x96.
 *
 * @param rgb [height, width, 3]
 */
export async function writeThumbnail(rgb: Uint8Array, width: number, height: number): Promise<Uint8Array> {
  return sharp(rgb, { raw: { width, height, channels: 3 } })
    .webp({ quality })
    .toBuffer();
}
