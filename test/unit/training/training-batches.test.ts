import { describe, expect, test } from 'vitest';
import { tokenDataSet } from '../../../lib/training/data/data-set.ts';
import { createRowOrder } from '../../../lib/training/data/split.ts';
import { createBatchSource, validationBatches } from '../../../lib/training/training-batches.ts';

const dataSet = tokenDataSet(
  'x.npy',
  Uint16Array.from({ length: 12 }, (_, i) => i),
  3,
  [0, 1, 0, 1],
);
const order = createRowOrder(Uint32Array.of(0, 1, 2, 3), 0, false);

describe('createBatchSource', () => {
  test('gives each step the next pictures, also across the end of an epoch', () => {
    const batchOf = createBatchSource(dataSet, order, { batch: 3, seed: 0, labels: Int32Array.of(4, 5, 6, 7) });
    expect(batchOf(1)).toEqual({
      tokens: Uint16Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8),
      labels: Int32Array.of(4, 5, 6),
    });
    expect(batchOf(2)).toEqual({
      tokens: Uint16Array.of(9, 10, 11, 0, 1, 2, 3, 4, 5),
      labels: Int32Array.of(7, 4, 5),
    });
  });

  test('draws augmentation and masks by the seed and the step only', () => {
    const source = (seed: number) =>
      createBatchSource(dataSet, order, {
        batch: 4,
        seed,
        mask: 'drawn',
        augment: (rows, random) => Uint16Array.from({ length: 3 * rows.length }, () => Math.floor(1000 * random())),
      });
    const [one, other] = [source(1), source(1)];
    one(1);
    one(2);
    expect(one(3)).toEqual(other(3));
    expect(one(3)).not.toEqual(one(4));
    expect(source(2)(3)).not.toEqual(one(3));
  });

  test('masks about 15 % of the tokens', () => {
    const many = tokenDataSet('x.npy', new Uint16Array(10_000), 1000);
    const { mask } = createBatchSource(many, order, { batch: 10, seed: 0, mask: 'drawn' })(1);
    const share = mask!.reduce((sum, value) => sum + value, 0) / 10_000;
    expect(share).toBeGreaterThan(0.14);
    expect(share).toBeLessThan(0.16);
  });

  test('masks at least one token of each picture in every step', () => {
    const batchOf = createBatchSource(dataSet, order, { batch: 4, seed: 0, mask: 'drawn' });
    for (let step = 1; step <= 200; step++) {
      const { mask } = batchOf(step);
      for (let i = 0; i < 4; i++) expect(mask!.subarray(3 * i, 3 * i + 3)).toContain(1);
    }
  });

  test('takes the given masks of its pictures', () => {
    const mask = Uint8Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1);
    const batchOf = createBatchSource(dataSet, order, { batch: 2, seed: 0, mask });
    expect(batchOf(2).mask).toEqual(Uint8Array.of(0, 0, 1, 1, 1, 1));
  });
});

describe('validationBatches', () => {
  test('has the rows in order, with the same masks whatever the batch size', () => {
    const rows = Uint32Array.of(1, 2, 3);
    const options = { seed: 1, mask: 'drawn' } as const;
    const masks = (batch: number) =>
      validationBatches(dataSet, rows, { ...options, batch }).flatMap(({ mask }) => [...mask!]);
    expect(masks(1)).toEqual(masks(3));
    const batches = validationBatches(dataSet, rows, { batch: 2, seed: 1 });
    expect(batches.map(({ tokens }) => [...tokens])).toEqual([
      [3, 4, 5, 6, 7, 8],
      [9, 10, 11],
    ]);
  });
});
