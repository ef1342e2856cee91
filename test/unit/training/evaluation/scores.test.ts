import { describe, expect, it } from 'vitest';
import { classScores, likeliestClasses, modalClass, scoresOf } from '../../../../lib/training/evaluation/scores.ts';

describe('scores', () => {
  it('count right predictions, the top five, and confusions', () => {
    // Seven classes; the scores of picture i fall from class 0 to 6.
    const scores = Float64Array.from({ length: 4 * 7 }, (_, i) => 7 - (i % 7));
    const { top1, top5, confusion } = scoresOf(new Int32Array(4), scores, Int32Array.of(0, 1, 4, 5));

    expect(top1).toBe(0.25);
    expect(top5).toBe(0.75);
    expect([0, 1, 4, 5].map((row) => confusion[row * 7])).toEqual([1, 1, 1, 1]);
    expect(confusion.reduce((a, b) => a + b)).toBe(4);
  });

  it('rank the lower class first among equal scores', () => {
    const { top5 } = scoresOf(Int32Array.of(0), new Float64Array(6), Int32Array.of(5));

    expect(top5).toBe(0);
  });

  it('give the likeliest class, the lower one among equals', () => {
    expect([...likeliestClasses(Float32Array.of(-3, -1, -1, 5, 2, 4), 2)]).toEqual([1, 0]);
  });

  it('give recall, precision and the commonest mistake of each class', () => {
    const [a, b, c] = classScores(Uint32Array.of(6, 3, 1, 0, 10, 0, 0, 0, 0));

    expect(a).toEqual({ pictures: 10, recall: 0.6, precision: 1, takenFor: 1 });
    expect(b).toEqual({ pictures: 10, recall: 1, precision: 10 / 13 });
    expect(c).toEqual({ pictures: 0, recall: Number.NaN, precision: 0 });
  });
});

describe('a vote', () => {
  it('is won by the class with the most votes', () => {
    expect(modalClass([3, 1, 3, 1, 3], () => 0.99)).toBe(3);
  });

  it('is drawn at random among equals', () => {
    expect(modalClass([3, 1, 3, 1, 2], () => 0)).toBe(3);
    expect(modalClass([3, 1, 3, 1, 2], () => 0.99)).toBe(1);
  });
});
