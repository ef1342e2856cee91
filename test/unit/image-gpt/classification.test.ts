import { describe, expect, it } from 'vitest';
import { bitsPerPixel, softmax, topClasses } from '../../../lib/image-gpt/classification.ts';

describe('softmax', () => {
  it('gives 1/4, 1/4, 1/2 for logits 0, 0, ln 2', () => {
    const [a, b, c] = softmax([0, 0, Math.LN2]);
    expect(a).toBeCloseTo(0.25, 15);
    expect(b).toBeCloseTo(0.25, 15);
    expect(c).toBeCloseTo(0.5, 15);
  });

  it('does not overflow on large logits', () => {
    expect([...softmax([1000, 1000])]).toEqual([0.5, 0.5]);
    expect([...softmax([-1000, -1000])]).toEqual([0.5, 0.5]);
  });

  it('gives nothing for no classes', () => {
    expect(softmax([])).toHaveLength(0);
  });
});

describe('topClasses', () => {
  it('puts the likeliest first and the lower index first among equals', () => {
    expect(topClasses([1, 3, 1, 2], 3).map(({ index }) => index)).toEqual([1, 3, 0]);
  });

  it('gives all classes when fewer than asked for exist', () => {
    const top = topClasses(Float32Array.of(0, 0), 5);
    expect(top).toEqual([
      { index: 0, probability: 0.5 },
      { index: 1, probability: 0.5 },
    ]);
  });
});

it('makes 9 bits of ln 512 nats: what a uniform guess over 512 colours costs', () => {
  expect(bitsPerPixel(Math.log(512))).toBeCloseTo(9, 12);
  expect(bitsPerPixel(0)).toBe(0);
});
