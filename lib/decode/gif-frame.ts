interface Canvas {
  width: number;
  height: number;
  channels: number;
}

/** Where the first frame of a GIF is on the canvas (pixels), and the first colour of its palette. */
interface GifFrame {
  left: number;
  top: number;
  width: number;
  height: number;
  firstColor: Uint8Array;
}

/**
 * Fills what the first frame of a GIF does not cover with the first colour of its palette, as Pillow does. libvips leaves
 * it black. If the frame has transparent pixels, the rest of the canvas is transparent too and stays as it is.
 *
 * @param pixels [height, width, channels]
 */
export function fillAroundFrame(bytes: Uint8Array, pixels: Uint8Array, { width, height, channels }: Canvas): void {
  const frame = opaqueFrame(bytes);
  if (!frame) return;
  const { left, top, firstColor } = frame;
  const [right, bottom] = [left + frame.width, top + frame.height];
  if (left === 0 && top === 0 && right >= width && bottom >= height) return;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      if (y >= top && y < bottom && x >= left && x < right) continue;
      const at = (y * width + x) * channels;
      pixels.fill(255, at, at + channels);
      pixels.set(firstColor, at);
    }
  }
}

/** The blocks of a GIF (GIF89a, sections 20 to 23). */
const extension = 0x21;
const imageDescriptor = 0x2c;
const graphicControl = 0xf9;

/** Where the screen's flags and the first block are (bytes). */
const screenFlags = 10;
const firstBlock = 13;

/** Undefined if the first frame has transparent pixels, or if there is none. */
function opaqueFrame(bytes: Uint8Array): GifFrame | undefined {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = firstBlock + paletteBytes(file[screenFlags]);
  let palette = file.subarray(firstBlock, at);
  while (at + 10 <= file.length) {
    if (file[at] === imageDescriptor) {
      const [left = 0, top = 0, width = 0, height = 0] = [1, 3, 5, 7].map((field) => file.readUInt16LE(at + field));
      const local = paletteBytes(file[at + 9]);
      if (local > 0) palette = file.subarray(at + 10, at + 10 + local);
      // Without any palette, the colours are greys.
      return { left, top, width, height, firstColor: palette.length < 3 ? Buffer.alloc(3) : palette.subarray(0, 3) };
    }
    if (file[at] !== extension) {
      at += 1;
      continue;
    }
    const transparent = ((file[at + 3] ?? 0) & 1) === 1;
    if (file[at + 1] === graphicControl && transparent) return undefined;
    at += 2;
    // Blocks of up to 255 bytes behind their length; an empty one ends the extension.
    while (file[at]) at += 1 + (file[at] ?? 0);
    at += 1;
  }
  return undefined;
}

/** The length of a palette by the flags before it: 0 if there is none. */
function paletteBytes(flags = 0): number {
  return flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0;
}
