import { describe, expect, it } from 'vitest';
import { bitsPerPixel, classProbabilities, topClasses } from '../../../lib/image-gpt/classification.ts';

describe('softmax', () => {
  it('gives 1/4, 1/4, 1/2 for logits 0, 0, ln 2', () => {
    const [a, b, c] = classProbabilities([0, 0, Math.LN2], 'softmax');
    expect(a).toBeCloseTo(0.25, 15);
    expect(b).toBeCloseTo(0.25, 15);
    expect(c).toBeCloseTo(0.5, 15);
  });

  it('does not overflow on large logits', () => {
    expect([...classProbabilities([1000, 1000], 'softmax')]).toEqual([0.5, 0.5]);
    expect([...classProbabilities([-1000, -1000], 'softmax')]).toEqual([0.5, 0.5]);
  });

  it('of no classes is empty', () => {
    expect(classProbabilities([], 'softmax')).toHaveLength(0);
  });
});

describe('sigmoids', () => {
  it('give each label its own probability: 1/2, 3/4, 1/5 for logits 0, ln 3, -ln 4', () => {
    const [a, b, c] = classProbabilities([0, Math.log(3), -Math.log(4)], 'sigmoid');
    expect(a).toBe(0.5);
    expect(b).toBeCloseTo(0.75, 15);
    expect(c).toBeCloseTo(0.2, 15);
  });

  it('do not overflow on large logits', () => {
    expect([...classProbabilities([1000, -1000], 'sigmoid')]).toEqual([1, 0]);
  });

  it('rank labels by logit where probabilities round to 1', () => {
    expect(topClasses([100, 200], 2, 'sigmoid')).toEqual([
      { index: 1, probability: 1 },
      { index: 0, probability: 1 },
    ]);
  });
});

describe('topClasses', () => {
  it('puts the most probable class first, and the lower index first among equals', () => {
    expect(topClasses([1, 3, 1, 2], 3, 'softmax').map(({ index }) => index)).toEqual([1, 3, 0]);
  });

  it('gives all classes if there are fewer than requested', () => {
    const top = topClasses(Float32Array.of(0, 0), 5, 'softmax');
    expect(top).toEqual([
      { index: 0, probability: 0.5 },
      { index: 1, probability: 0.5 },
    ]);
  });
});

it('converts ln 512 nats, the cost of a uniform guess among 512 colours, to 9 bits', () => {
  expect(bitsPerPixel(Math.log(512))).toBeCloseTo(9, 12);
  expect(bitsPerPixel(0)).toBe(0);
});
