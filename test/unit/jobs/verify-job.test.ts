import { expect, test } from 'vitest';
import { parquetShards } from '../../../lib/jobs/parquet/shard-file.ts';
import { removeShard, verifyJob } from '../../../lib/jobs/verify-job.ts';
import { createJobWorld, fakeSettings, outputOf } from '../../support/job-world.ts';

async function finished() {
  const world = createJobWorld();
  for (let i = 0; i < 10; i += 1) await world.put(`p${i}.jpg`, `good ${i}`);
  await world.run();
  const job = await world.plan();
  const checks = () => Array.fromAsync(verifyJob({ output: world.output, job, format: parquetShards }));
  const states = async () => (await checks()).map(({ state }) => state);
  const change = (key: string, from: string, to: string) =>
    world.output.put(key, new TextEncoder().encode((world.output.text(key) ?? '').replace(from, to)));
  const body = (key: string): Uint8Array => Uint8Array.from(world.output.objects.get(key)?.body ?? []);
  return { ...world, job, checks, states, change, body, world };
}

test('all shards of a finished job are whole', async () => {
  const { states } = await finished();
  expect(await states()).toEqual(['whole', 'whole', 'whole']);
});

test('a flipped bit, a missing shard and a missing record are found', async () => {
  const { output, states } = await finished();
  const body = Uint8Array.from(output.objects.get('part-00000.parquet')?.body ?? []);
  body[100] = (body[100] ?? 0) ^ 1;
  await output.put('part-00000.parquet', body);
  await output.delete('part-00001.parquet');
  await output.delete('_shards/00002.json');
  expect(await states()).toEqual(['damaged', 'missing', 'unrecorded']);
});

test('a missing or damaged manifest is named, and other shards are still checked', async () => {
  const { output, job, checks } = await finished();
  const [first = '', second = ''] = job.shards.map(({ manifest }) => manifest);
  await output.delete(first);
  await output.put(second, new TextEncoder().encode('{"key":"x","etag":null}\n'));
  expect(await checks()).toEqual([
    { manifest: first, state: 'missing' },
    { manifest: second, state: 'damaged' },
    { shard: 'part-00002.parquet', state: 'whole' },
  ]);
});

test('swapped shards are damaged, also when their records are swapped', async () => {
  const { output, states, body } = await finished();
  const [zero, one] = [body('part-00000.parquet'), body('part-00001.parquet')];
  await output.put('part-00000.parquet', one);
  await output.put('part-00001.parquet', zero);
  expect(await states()).toEqual(['damaged', 'damaged', 'whole']);
  const [first, second] = [body('_shards/00000.json'), body('_shards/00001.json')];
  await output.put('_shards/00000.json', second);
  await output.put('_shards/00001.json', first);
  expect(await states()).toEqual(['damaged', 'damaged', 'whole']);
});

test('a record with a wrong count, a shard of another job and a truncated shard without a record are damaged', async () => {
  const { output, states, change, body } = await finished();
  await change('_shards/00000.json', '"succeeded": 4', '"succeeded": 3');
  const other = createJobWorld({ ...fakeSettings, model: 'fake-2' });
  for (let i = 0; i < 10; i += 1) await other.put(`p${i}.jpg`, `good ${i}`);
  await other.run();
  await output.put('part-00001.parquet', other.output.objects.get('part-00001.parquet')?.body ?? new Uint8Array());
  await output.delete('_shards/00001.json');
  await output.put('part-00002.parquet', body('part-00002.parquet').subarray(0, -20));
  await output.delete('_shards/00002.json');
  expect(await states()).toEqual(['damaged', 'damaged', 'damaged']);
});

test('a wrong summary, a missing summary and foreign shards are found', async () => {
  const { output, checks, change } = await finished();
  const wrong = async () => (await checks()).filter(({ state }) => state !== 'whole');
  await change('_summary.json', '"succeeded": 10', '"succeeded": 11');
  await output.put('part-00003.parquet', new Uint8Array(1));
  expect(await wrong()).toEqual([
    { file: '_summary.json', state: 'damaged' },
    { file: 'part-00003.parquet', state: 'foreign' },
  ]);
  await output.delete('_summary.json');
  await output.delete('_SUCCESS');
  await output.delete('part-00003.parquet');
  expect(await wrong()).toEqual([
    { file: '_summary.json', state: 'missing' },
    { file: '_SUCCESS', state: 'missing' },
  ]);
});

test('a removed shard is made again by the next run, byte for byte', async () => {
  const { world, output, states } = await finished();
  const whole = outputOf(output);
  await removeShard(output, 1);
  expect(output.objects.has('_SUCCESS')).toBe(false);
  await world.run();
  expect(outputOf(output)).toEqual(whole);
  expect(await states()).toEqual(['whole', 'whole', 'whole']);
});
