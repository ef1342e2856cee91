import { expect, it } from 'vitest';
import { bitsPerPixel } from '../../../lib/image-gpt/likelihood.ts';

it('makes 9 bits of ln 512 nats: what a uniform guess over 512 colours costs', () => {
  expect(bitsPerPixel(Math.log(512))).toBeCloseTo(9, 12);
  expect(bitsPerPixel(0)).toBe(0);
});
