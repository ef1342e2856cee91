import sharp from 'sharp';

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
