import { expect, test } from 'vitest';
import { parquetShards } from '../../../lib/jobs/parquet/shard-file.ts';
import { retryJob } from '../../../lib/jobs/retry-job.ts';
import { createJobWorld, outputOf } from '../../support/job-world.ts';

async function withFailures() {
  const world = createJobWorld();
  for (let i = 0; i < 12; i += 1) await world.put(`p${String(i).padStart(2, '0')}.jpg`, i % 5 === 1 ? 'bad' : 'good');
  await world.put('empty.jpg', '');
  await world.run();
  return world;
}

test('a retry reads only failed pictures, and a replaced picture succeeds with its new version', async () => {
  const world = await withFailures();
  await world.put('p06.jpg', 'good now');
  const read: string[] = [];
  const options = await world.options({
    input: {
      ...world.input,
      get(key, ...rest) {
        read.push(key);
        return world.input.get(key, ...rest);
      },
    },
  });
  const result = await retryJob(options);
  expect(read.toSorted()).toEqual(['empty.jpg', 'p01.jpg', 'p06.jpg', 'p11.jpg']);
  expect(result).toMatchObject({ pictures: 4, succeeded: 1 });
  expect(result.summary).toMatchObject({ succeeded: 10, failures: { corrupt_image: 2, empty_object: 1 } });
  const shard = world.output.objects.get('part-00001.parquet')?.body ?? new Uint8Array();
  const row = (await parquetShards.open(shard).read()).find(({ key }) => key === 'p06.jpg');
  expect(row).toMatchObject({ error_code: null, label: 'dark' });
  expect(row?.etag).toBe(world.input.objects.get('p06.jpg')?.object.etag);
});

test('pictures that fail again leave every byte unchanged', async () => {
  const world = await withFailures();
  const before = outputOf(world.output);
  await retryJob(await world.options());
  expect(outputOf(world.output)).toEqual(before);
});

test('a retry with codes reads only pictures that failed with them', async () => {
  const world = await withFailures();
  const result = await retryJob({ ...(await world.options()), codes: new Set(['empty_object']) });
  expect(result).toMatchObject({ pictures: 1, succeeded: 0 });
});

test('the next run repairs a retry that was killed between deleting a record and replacing its shard', async () => {
  const world = await withFailures();
  const before = outputOf(world.output);
  const options = await world.options();
  const killed = { ...world.output, put: () => Promise.reject(new Error('killed')) };
  await expect(retryJob({ ...options, output: killed })).rejects.toThrow('killed');
  await world.run();
  expect(outputOf(world.output)).toEqual(before);
});
