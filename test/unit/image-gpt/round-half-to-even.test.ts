import { expect, it } from 'vitest';
import { roundHalfToEven } from '../../../lib/image-gpt/round-half-to-even.ts';

it('rounds halves to the even neighbour and everything else to the nearest', () => {
  expect([0.5, 1.5, 2.5, 227.5, 234.5, 2.4, 2.6, -0.6, -1.5].map(roundHalfToEven)).toEqual([
    0, 2, 2, 228, 234, 2, 3, -1, -2,
  ]);
});
