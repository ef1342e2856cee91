import { expect, test } from 'vitest';
import { jobReportRows, jobTotals } from '../../../lib/report/job-report.ts';
import { createTally } from '../../../lib/report/totals.ts';
import { createJobWorld } from '../../support/job-world.ts';

test('the report of a job lists its first pictures, reads no later shard, and has totals of all pictures', async () => {
  const world = createJobWorld();
  const keys = Array.from({ length: 10 }, (_, i) => `${i}.jpg`);
  for (const key of keys) await world.put(key, key === '1.jpg' || key === '9.jpg' ? 'bad' : `good ${key}`);
  const { summary } = await world.run();
  if (summary === undefined) throw new Error('no summary');
  const job = await world.plan();
  // Shards of 4, so the first six pictures are in two of the three.
  await world.output.delete('part-00002.parquet');
  const viewed: string[] = [];
  const rows = await Array.fromAsync(
    jobReportRows({
      output: world.output,
      job,
      limit: 6,
      concurrency: 3,
      async viewsOf({ key }) {
        viewed.push(key);
        return { thumbnail: 'AA==', tokens: 'AA==', surprise: null };
      },
    }),
  );
  expect(rows.map(({ key }) => key)).toEqual(keys.slice(0, 6));
  expect(viewed).toEqual(['0.jpg', '2.jpg', '3.jpg', '4.jpg', '5.jpg']);
  expect(rows[1]).toMatchObject({ error: { code: 'corrupt_image' }, look: null, classes: null, nats: null });

  const tally = createTally();
  for (const row of rows) tally.add(row);
  const ofListed = tally.totals();
  expect(jobTotals(ofListed, summary)).toEqual({
    pictures: 10,
    succeeded: 8,
    failed: 2,
    failures: [['corrupt_image', 2]],
    nats: ofListed.nats,
    labels: ofListed.labels,
    listedOnly: true,
  });
  expect(jobTotals({ ...ofListed, pictures: 10 }, summary).listedOnly).toBeUndefined();
});
