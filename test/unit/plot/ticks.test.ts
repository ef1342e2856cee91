import { describe, expect, it } from 'vitest';
import { ticks } from '../../../lib/plot/ticks.ts';

describe('ticks', () => {
  it.each([
    [0, 6, 8, [0, 1, 2, 3, 4, 5, 6]],
    [30.2, 44.2, 6, [30, 35, 40, 45]],
    [0.11, 0.42, 4, [0.1, 0.2, 0.3, 0.4, 0.5]],
    [-3, 2, 5, [-3, -2, -1, 0, 1, 2]],
    [0, 12_000, 4, [0, 5000, 10_000, 15_000]],
  ])('from %d to %d, about %d of them, are round', (low, high, count, expected) => {
    expect(ticks(low, high, count)).toEqual(expected);
  });

  it('are some for a single value too', () => {
    expect(ticks(5, 5, 4).length).toBeGreaterThan(0);
    expect(ticks(0, 0, 4).length).toBeGreaterThan(0);
  });
});
