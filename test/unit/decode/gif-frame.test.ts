import { beforeAll, describe, expect, it } from 'vitest';
import { decodePicture, restrictLibvips } from '../../../lib/decode/decode-picture.ts';
import { fillAroundFrame } from '../../../lib/decode/gif-frame.ts';

/** A palette of two colours. */
const first = [10, 20, 30] as const;
const palette = Buffer.from([...first, 200, 100, 50]);
const localPalette = Buffer.from([40, 50, 60, 200, 100, 50]);

interface GifOptions {
  global?: boolean;
  local?: boolean;
  transparent?: boolean;
  left?: number;
}

/** A GIF of 3 x 1 pixels whose first frame is one pixel of the second colour. */
function gif({ global = true, local = false, transparent = false, left = 1 }: GifOptions = {}): Buffer {
  return Buffer.concat([
    Buffer.from('GIF89a\x03\0\x01\0', 'latin1'),
    Buffer.from([global ? 0x80 : 0, 1, 0]),
    global ? palette : Buffer.alloc(0),
    Buffer.from([0x21, 0xfe, 2, 0x2c, 0x2c, 0]), // a comment with the byte of a frame
    Buffer.from([0x21, 0xf9, 4, transparent ? 1 : 0, 0, 0, 0, 0]),
    Buffer.from([0x2c, left, 0, 0, 0, 1, 0, 1, 0, local ? 0x80 : 0]),
    local ? localPalette : Buffer.alloc(0),
    Buffer.from([2, 2, 0x4c, 0x01, 0, 0x3b]), // LZW: clear, 1, end
  ]);
}

async function decoded(bytes: Buffer): Promise<number[]> {
  const recipe = { width: 3, height: 1, resample: 0, crop: 'none' } as const;
  return [...(await decodePicture(bytes, { recipe, maxPixels: 100, allowSvg: false, scaledDecoding: false })).rgb];
}

beforeAll(() => restrictLibvips(true));

describe('decodePicture, for a GIF whose first frame is smaller than the canvas', () => {
  const pixel = [200, 100, 50];

  it('shows the first colour of the palette around the frame, as Pillow does', async () => {
    expect(await decoded(gif())).toEqual([...first, ...pixel, ...first]);
    expect(await decoded(gif({ left: 0 }))).toEqual([...pixel, ...first, ...first]);
    expect(await decoded(gif({ local: true }))).toEqual([40, 50, 60, ...pixel, 40, 50, 60]);
    expect(await decoded(gif({ global: false, local: true }))).toEqual([40, 50, 60, ...pixel, 40, 50, 60]);
  });

  it('shows white around a frame with transparent pixels', async () => {
    expect(await decoded(gif({ transparent: true }))).toEqual([255, 255, 255, ...pixel, 255, 255, 255]);
  });
});

describe('fillAroundFrame', () => {
  it('fills alpha too, which a later frame may have brought', () => {
    const pixels = new Uint8Array(12);
    fillAroundFrame(gif(), pixels, { width: 3, height: 1, channels: 4 });
    expect([...pixels]).toEqual([...first, 255, 0, 0, 0, 0, ...first, 255]);
  });

  it('fills black without a palette', () => {
    const pixels = new Uint8Array(9).fill(7);
    fillAroundFrame(gif({ global: false }), pixels, { width: 3, height: 1, channels: 3 });
    expect([...pixels]).toEqual([0, 0, 0, 7, 7, 7, 0, 0, 0]);
  });

  it('changes nothing in a file that is cut off before its frame, wherever', () => {
    const file = gif();
    const frame = file.lastIndexOf(0x2c) + 10;
    for (let length = 0; length < frame; length += 1) {
      const pixels = new Uint8Array(9);
      fillAroundFrame(Uint8Array.from(file.subarray(0, length)), pixels, { width: 3, height: 1, channels: 3 });
      expect(pixels, `${length} bytes`).toEqual(new Uint8Array(9));
    }
  });
});
