import { expect, it } from 'vitest';
import { tiffToRgb } from '../../../lib/decode/tiff-to-rgb.ts';
import { ycbcrDefaults } from '../../../lib/image-gpt/ycbcr-to-rgb.ts';

it('leaves out what is not alpha', () => {
  const pixels = Uint8Array.of(10, 20, 30, 99, 40, 50, 60, 0);
  const layout = { channels: 4, alpha: undefined, ycbcr: undefined, tiled: false };
  expect([...tiffToRgb(pixels, 4, layout)]).toEqual([10, 20, 30, 40, 50, 60]);
});

it('lays the colours over white by the sample that is alpha', () => {
  const pixels = Uint8Array.of(10, 20, 30, 99, 255, 40, 50, 60, 99, 0);
  expect([...tiffToRgb(pixels, 5, { channels: 5, alpha: 1, ycbcr: undefined, tiled: false })]).toEqual([
    10, 20, 30, 255, 255, 255,
  ]);
});

it('converts YCbCr', () => {
  const pixels = Uint8Array.of(100, 128, 178);
  expect([...tiffToRgb(pixels, 3, { channels: 3, alpha: undefined, ycbcr: ycbcrDefaults, tiled: false })]).toEqual([
    170, 64, 100,
  ]);
});

it('fails when there are other channels than the tags say', () => {
  const layout = { channels: 4, alpha: undefined, ycbcr: undefined, tiled: false };
  expect(() => tiffToRgb(Uint8Array.of(1, 2, 3), 3, layout)).toThrow('its tags contradict each other');
});
