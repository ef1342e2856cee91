import { expect, it } from 'vitest';
import { keepChannels } from '../../../lib/image-gpt/keep-channels.ts';

it('leaves out the other channels of each pixel', () => {
  const pixels = () => Uint8Array.of(1, 2, 3, 4, 5, 11, 12, 13, 14, 15);
  expect([...keepChannels(pixels(), 5, [0, 1, 2])]).toEqual([1, 2, 3, 11, 12, 13]);
  expect([...keepChannels(pixels(), 5, [0, 1, 2, 4])]).toEqual([1, 2, 3, 5, 11, 12, 13, 15]);
});

it('returns the same pixels when every channel is kept', () => {
  const pixels = Uint8Array.of(1, 2, 3, 4, 5, 6);
  expect(keepChannels(pixels, 3, [0, 1, 2])).toBe(pixels);
});
