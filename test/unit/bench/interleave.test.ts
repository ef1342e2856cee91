import { describe, expect, test } from 'vitest';
import { interleave, median, secondsPerItem, side, speedRatio } from '../../bench/interleave.ts';

describe('interleave', () => {
  test('warms every side up once, then runs them in turns and keeps what they took', async () => {
    const runs: string[] = [];
    const timer = (name: string, seconds: number[]) =>
      side(1, () => {
        runs.push(name);
        return Promise.resolve(seconds.shift() ?? Number.NaN);
      });
    const a = timer('a', [9, 1, 2]);
    const b = timer('b', [9, 3, 4]);
    await interleave([a, undefined, b], 2, { pauseMs: 0 });
    expect(runs.join('')).toBe('ababab');
    expect(a.seconds).toEqual([1, 2]);
    expect(b.seconds).toEqual([3, 4]);
  });
});

describe('median', () => {
  test('is the middle value, or the mean of the two in the middle', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 10])).toBe(3);
  });

  test('of nothing is an error', () => {
    expect(() => median([])).toThrow('Expected at least one value');
  });
});

test('speed is for one item, whatever each side does in a run', () => {
  const ours = { ...side(4, () => Promise.resolve(0)), seconds: [2, 2, 2] };
  const theirs = { ...side(2, () => Promise.resolve(0)), seconds: [3, 3, 3] };
  expect(secondsPerItem(ours)).toBe(0.5);
  expect(speedRatio(ours, theirs)).toBe(3);
});

test('the ratio pairs neighbours, so that a slow minute of the machine cancels out', () => {
  const ours = { ...side(1, () => Promise.resolve(0)), seconds: [1, 10, 1] };
  const theirs = { ...side(1, () => Promise.resolve(0)), seconds: [2, 20, 2] };
  expect(speedRatio(ours, theirs)).toBe(2);
});
