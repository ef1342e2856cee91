import { expect, test } from 'vitest';
import type { JobRow } from '../../../lib/contracts/job.ts';
import { createNearestRows } from '../../../lib/jobs/nearest-rows.ts';
import { parquetShards } from '../../../lib/jobs/parquet/shard-file.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const empty = {
  ...{ etag: null, width: null, height: null, label: null, probability: null, top5: null },
  ...{ nats_per_token: null, error_code: null },
};

async function shardOf(rows: JobRow[]) {
  return parquetShards.open(await parquetShards.write(rows, {}));
}

test('the rows with the smallest angle come first, whatever the length of their features', async () => {
  const nearest = createNearestRows(Float32Array.of(1, 0), 2);
  await nearest.add(
    await shardOf([
      { ...empty, key: 'same direction, longer', features: Float32Array.of(10, 0) },
      { ...empty, key: 'orthogonal', features: Float32Array.of(0, 1) },
      { ...empty, key: 'failed', features: null },
      { ...empty, key: '3-4-5', features: Float32Array.of(4, 3), label: 'cat' },
      { ...empty, key: 'zero', features: Float32Array.of(0, 0) },
    ]),
  );
  expect(nearest.nearest()).toEqual([
    { key: 'same direction, longer', similarity: 1, label: null },
    { key: '3-4-5', similarity: 0.8, label: 'cat' },
  ]);
  expect(nearest.compared()).toBe(4);
});

test('the result equals sorting all rows by similarity, across shards and row groups', async () => {
  const random = seededRandom(3);
  const vector = () => Float32Array.from({ length: 6 }, () => random() - 0.5);
  const query = vector();
  const rows = Array.from({ length: 1500 }, (_, i): JobRow => ({ ...empty, key: `${i}`, features: vector() }));
  const nearest = createNearestRows(query, 20);
  await nearest.add(await shardOf(rows.slice(0, 1200)));
  await nearest.add(await shardOf(rows.slice(1200)));
  const cosine = (a: Float32Array) => {
    const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + value * (y[i] ?? 0), 0);
    return dot(a, query) / Math.sqrt(dot(a, a) * dot(query, query));
  };
  const sorted = rows.toSorted((a, b) => cosine(b.features ?? query) - cosine(a.features ?? query));
  expect(nearest.nearest().map(({ key }) => key)).toEqual(sorted.slice(0, 20).map(({ key }) => key));
});

test('the earlier of two equal rows comes first', async () => {
  const nearest = createNearestRows(Float32Array.of(1, 1), 2);
  const features = Float32Array.of(1, 1);
  await nearest.add(await shardOf(['a', 'b', 'c'].map((key) => ({ ...empty, key, features }))));
  expect(nearest.nearest().map(({ key }) => key)).toEqual(['a', 'b']);
});

test('features of another size are refused', async () => {
  const nearest = createNearestRows(Float32Array.of(1, 1), 2);
  const shard = await shardOf([{ ...empty, key: 'a', features: Float32Array.of(1, 1, 1) }]);
  await expect(nearest.add(shard)).rejects.toThrow('Expected features of 2 numbers, received 3.');
});
