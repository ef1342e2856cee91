import { describe, expect, it } from 'vitest';
import { nearestSources, resampleTable } from '../../../lib/image-gpt/resample-table.ts';

describe('resampleTable', () => {
  it('halves with bilinear weights 1/8, 3/8, 3/8, 1/8', () => {
    const { start, count, weights, stride } = resampleTable(8, 4, 2);
    expect([start[1], count[1]]).toEqual([1, 4]);
    expect([...weights.subarray(stride, stride + 4)].map((w) => w / 2 ** 19)).toEqual([1, 3, 3, 1]);
  });

  it('keeps sums of 8-bit pixels within 32 bits for every filter and tested size', () => {
    let largest = 0;
    for (const resample of [1, 2, 3, 4, 5] as const) {
      for (let size = 1; size <= 70; size += 1) {
        for (const outSize of [1, 2, 3, 7, 16, 31, 32, 48, 64, 224]) {
          const { count, weights, stride } = resampleTable(size, outSize, resample);
          for (let i = 0; i < outSize; i += 1) {
            const window = weights.subarray(i * stride, i * stride + count[i]!);
            largest = Math.max(
              largest,
              window.reduce((sum, w) => sum + Math.abs(w), 0),
            );
          }
        }
      }
    }
    expect(largest / 2 ** 22).toBeLessThan(1.6);
    expect(largest * 255 + 2 ** 21).toBeLessThan(2 ** 31);
  });
});

describe('nearestSources', () => {
  it('takes the middle of each span', () => {
    expect([...nearestSources(6, 3)]).toEqual([1, 3, 5]);
    expect([...nearestSources(2, 4)]).toEqual([0, 0, 1, 1]);
  });
});
