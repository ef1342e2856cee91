import { expect, it } from 'vitest';
import { type YcbcrScale, ycbcrDefaults, ycbcrToRgb } from '../../../lib/image-gpt/ycbcr-to-rgb.ts';

function converted(ycbcr: number[], scale: YcbcrScale = ycbcrDefaults): number[] {
  const pixels = Uint8Array.from(ycbcr);
  ycbcrToRgb(pixels, scale);
  return [...pixels];
}

it('leaves greys as they are', () => {
  expect(converted([0, 128, 128, 77, 128, 128, 255, 128, 128])).toEqual([0, 0, 0, 77, 77, 77, 255, 255, 255]);
});

it('converts colours by the coefficients of BT.601', () => {
  // red = 100 + 1.402 x 50, green = 100 - 0.714 x 50, blue unchanged
  expect(converted([100, 128, 178])).toEqual([170, 64, 100]);
  // blue = 100 + 1.772 x 50, green = 100 - 0.344 x 50
  expect(converted([100, 178, 128])).toEqual([100, 83, 189]);
});

it('stops at 0 and 255', () => {
  expect(converted([255, 255, 255, 0, 0, 0])).toEqual([255, 121, 255, 0, 135, 0]);
});

it('stretches Y from 16 to 235 and Cb and Cr from 128 to 240', () => {
  const video = { ...ycbcrDefaults, reference: [16, 235, 128, 240, 128, 240] } satisfies YcbcrScale;
  // Cr of 184 is halfway to 240: 63 of 127 levels, 63 x 1.402 = 88.3
  expect(converted([16, 128, 128, 235, 128, 128, 126, 128, 184], video)).toEqual([
    0, 0, 0, 255, 255, 255, 216, 83, 128,
  ]);
});

it('rounds down as Pillow does: 1.402 x 3 is 4.2, 1.402 x -3 is -4.2', () => {
  const down = { ...ycbcrDefaults, rounding: 'down' } satisfies YcbcrScale;
  expect(converted([100, 128, 131, 100, 128, 125, 100, 131, 125])).toEqual([104, 98, 100, 96, 102, 100, 96, 101, 105]);
  expect(converted([100, 128, 131, 100, 128, 125, 100, 131, 125], down)).toEqual([
    ...[104, 97, 100],
    ...[95, 102, 100],
    ...[95, 101, 105],
  ]);
  // -7.01 becomes -7 there, not -8.
  expect(converted([100, 128, 123], down)[0]).toBe(93);
});
