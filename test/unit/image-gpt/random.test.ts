import { expect, test } from 'vitest';
import { createRandom } from '../../../lib/image-gpt/random.ts';

function draw(seed: number, stream: number, count: number): number[] {
  const random = createRandom(seed, stream);
  return Array.from({ length: count }, random);
}

test('the same seed and stream give the same numbers, another seed or stream gives others', () => {
  expect(draw(1, 2, 5)).toEqual(draw(1, 2, 5));
  expect(draw(1, 3, 5)).not.toEqual(draw(1, 2, 5));
  expect(draw(2, 2, 5)).not.toEqual(draw(1, 2, 5));
  expect(draw(2, 1, 5)).not.toEqual(draw(1, 2, 5));
});

test('numbers are uniform in [0, 1)', () => {
  const counts = new Array(10).fill(0);
  for (const value of draw(0, 0, 100_000)) counts[Math.floor(value * 10)]++;
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500); // 5 standard deviations
});

test('neighbouring streams are unrelated', () => {
  const [a, b] = [draw(0, 0, 10_000), draw(0, 1, 10_000)];
  const covariance = a.reduce((sum, value, i) => sum + (value - 0.5) * (b[i]! - 0.5), 0) / a.length;
  expect(Math.abs(covariance * 12)).toBeLessThan(0.05);
});
