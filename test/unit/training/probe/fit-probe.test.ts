import { expect, test } from 'vitest';
import { createRandom } from '../../../../lib/image-gpt/random.ts';
import { fitProbe } from '../../../../lib/training/probe/fit-probe.ts';

const random = createRandom(4, 4);
const rows = (start: number, end: number) => Uint32Array.from({ length: end - start }, (_, i) => start + i);

test('finds the weak penalty that a rare class needs beside a channel of large values', () => {
  // Every tenth picture has class 1, and 1 in the first channel, which is 0 elsewhere. The other channel is noise up to 300.
  const labels = Int32Array.from({ length: 300 }, (_, i) => (i % 10 === 0 ? 1 : 0));
  const features = Float32Array.from({ length: 600 }, (_, i) =>
    i % 2 === 0 ? (labels[i / 2] ?? 0) : 600 * (random() - 0.5),
  );
  const task = { layers: [features], width: 2, labels, classes: 2, seed: 0 };
  const probe = fitProbe({ ...task, train: rows(0, 100), validation: rows(100, 200), test: rows(200, 300) });

  expect(probe).toMatchObject({ validationAccuracy: 1, testAccuracy: 1 });
});

test('chooses the strongest of equally good penalties', () => {
  const labels = Int32Array.from({ length: 30 }, (_, i) => i % 2);
  const features = Float32Array.from(labels, (label) => 2 * label - 1);
  const task = { layers: [features], width: 1, labels, classes: 2, seed: 0 };
  const probe = fitProbe({ ...task, train: rows(0, 10), validation: rows(10, 20), test: rows(20, 30) });

  // The features have variance 1.
  expect(probe.penalty).toBeCloseTo(1);
  expect(probe.testAccuracy).toBe(1);
});
