import { expect, test } from 'vitest';
import { removeShard, type ShardCheck, verifyBatch } from '../../../../lib/pipeline/batch/batch-verify.ts';
import { createBatchWorld, outputOf } from '../../../support/batch-world.ts';

async function finished() {
  const world = createBatchWorld();
  for (let i = 0; i < 10; i += 1) await world.put(`p${i}.jpg`, `good ${i}`);
  await world.run();
  const job = await world.plan();
  const states = async (): Promise<ShardCheck['state'][]> => {
    const found: ShardCheck['state'][] = [];
    for await (const { state } of verifyBatch(world.output, job)) found.push(state);
    return found;
  };
  return { ...world, job, states, world };
}

test('a finished job is whole', async () => {
  const { states } = await finished();
  expect(await states()).toEqual(['whole', 'whole', 'whole']);
});

test('one flipped bit, a shard that is gone and a record that is gone are found', async () => {
  const { output, states } = await finished();
  const body = Uint8Array.from(output.objects.get('part-00000.parquet')?.body ?? []);
  body[100] = (body[100] ?? 0) ^ 1;
  await output.put('part-00000.parquet', body);
  await output.delete('part-00001.parquet');
  await output.delete('_shards/00002.json');
  expect(await states()).toEqual(['damaged', 'missing', 'unrecorded']);
});

test('a damaged manifest ends it with its name', async () => {
  const { output, job, states } = await finished();
  const manifest = job.shards[1]?.manifest ?? '';
  await output.put(manifest, new TextEncoder().encode('{"key":"x","etag":null}\n'));
  await expect(states()).rejects.toThrow(`Expected ${manifest} as it was written, but it is damaged`);
});

test('what was taken away is made again by the next run, byte for byte', async () => {
  const { world, output, states } = await finished();
  const whole = outputOf(output);
  await removeShard(output, 1);
  expect(output.objects.has('_SUCCESS')).toBe(false);
  await world.run();
  expect(outputOf(output)).toEqual(whole);
  expect(await states()).toEqual(['whole', 'whole', 'whole']);
});
