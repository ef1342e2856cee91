import { expect, test } from 'vitest';
import type { JobRow } from '../../../../lib/contracts/job.ts';
import { openShard, writeShard } from '../../../../lib/jobs/parquet/shard-file.ts';

/** The numbers are exact in float32. */
const seen: JobRow = {
  key: 'katzen/mieze ü.jpg',
  etag: '"5-a"',
  width: 640,
  height: 427,
  label: 'cat',
  probability: 0.75,
  top5: [
    { label: 'cat', index: 3, probability: 0.75 },
    { label: 'dog', index: 5, probability: 0.25 },
  ],
  features: Float32Array.of(0.5, -2, 0),
  nats_per_token: 1.875,
  error_code: null,
};

const failed: JobRow = {
  ...{ key: 'README.md', etag: '"6-b"', width: null, height: null, label: null, probability: null, top5: null },
  ...{ features: null, nats_per_token: null, error_code: 'unsupported_format' },
};

test('rows and facts are read as they were written', async () => {
  const shard = openShard(writeShard([seen, failed, seen], { 'igpt.job': 'abc' }));
  expect(shard.rows).toBe(3);
  expect(shard.facts).toEqual({ 'igpt.job': 'abc' });
  expect(await shard.read()).toEqual([seen, failed, seen]);
});

test('the same rows give the same bytes', () => {
  const facts = { 'igpt.job': 'abc', 'igpt.shard': '00000' };
  expect(writeShard([seen, failed], facts)).toEqual(writeShard([{ ...seen }, { ...failed }], { ...facts }));
});

test('a shard of failures only, without any number, can be read', async () => {
  expect(await openShard(writeShard([failed], {})).read()).toEqual([failed]);
});

test('a range of rows can be read, with some columns only', async () => {
  const rows = Array.from({ length: 2500 }, (_, i): JobRow => ({ ...seen, key: `${i}` }));
  const shard = openShard(writeShard(rows, {}));
  expect(shard.groups).toEqual([1000, 1000, 500]);
  const read = await shard.read({ columns: ['features'], start: 1999, end: 2001 });
  expect(read.map(({ key }) => key)).toEqual(['1999', '2000']);
  expect(read[0]).toEqual({ ...failed, key: '1999', etag: null, features: seen.features, error_code: null });
});

test('a file that is no Parquet file is refused in one line', () => {
  expect(() => openShard(new TextEncoder().encode('not a parquet file at all'))).toThrow(
    /^Expected a whole Parquet file, but it cannot be read: [^\n]+$/,
  );
});

test('a truncated file is refused', () => {
  const bytes = writeShard([seen, failed], {});
  expect(() => openShard(bytes.subarray(0, bytes.length >> 1))).toThrow('Expected a whole Parquet file');
});
