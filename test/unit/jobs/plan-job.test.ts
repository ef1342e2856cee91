import { describe, expect, test } from 'vitest';
import { planJob } from '../../../lib/jobs/plan-job.ts';
import { createJobWorld, fakeSettings, tenPictures } from '../../support/job-world.ts';
import { createMemoryObjectStore } from '../../support/memory-object-store.ts';

describe('a plan', () => {
  test('has an id that depends on its pictures and its model', async () => {
    const world = await tenPictures();
    const first = await world.plan(createMemoryObjectStore(world.clock));
    const again = await world.plan(createMemoryObjectStore(world.clock));
    expect(again.id).toBe(first.id);
    const other = createJobWorld({ ...fakeSettings, model: 'fake-2' });
    for (let i = 0; i < 10; i += 1) await other.put(`p${i}.jpg`, i === 7 ? 'bad one' : `good ${i}`);
    expect((await other.plan()).id).not.toBe(first.id);
    await world.put('p0.jpg', 'changed');
    expect((await world.plan(createMemoryObjectStore(world.clock))).id).not.toBe(first.id);
  });

  test('refuses an output that holds another job', async () => {
    const world = await tenPictures();
    await world.plan();
    const other = createJobWorld({ ...fakeSettings, model: 'fake-2', shard_size: 5 });
    await expect(other.plan(world.output)).rejects.toThrow(
      /Expected an empty output or the same job, but found job [0-9a-f]{16} with model "fake-1", not "fake-2"; with shard_size 4, not 5: choose another/,
    );
  });

  test('takes a job from before the setting input as one behind SOS', async () => {
    const world = await tenPictures();
    const job = await world.plan();
    const { input: _, ...older } = job.settings.model_options;
    const written = JSON.stringify({ ...job, settings: { ...job.settings, model_options: older } });
    await world.output.put('_job.json', new TextEncoder().encode(written));

    expect(await world.plan()).toEqual(job);
    const plain = { ...fakeSettings, model_options: { ...fakeSettings.model_options, input: 'plain' as const } };
    await expect(createJobWorld(plain).plan(world.output)).rejects.toThrow('model_options.input "sos", not "plain"');
  });

  test('refuses an output that has shards but no job', async () => {
    const world = await tenPictures();
    await world.output.put('part-00001.parquet', new Uint8Array(1));
    await expect(world.plan()).rejects.toThrow(
      'Expected an empty output or a job, but found part-00001.parquet without _job.json',
    );
  });

  test('refuses a source without pictures', async () => {
    await expect(createJobWorld().plan()).rejects.toMatchObject({ code: 'no_pictures' });
  });

  test('refuses too many shards and suggests a shard size', async () => {
    const world = createJobWorld();
    for (let i = 0; i < 10; i += 1) await world.put(`p${i}.jpg`, 'good');
    async function* pictures() {
      for await (const { key, etag } of world.input.list()) yield { key, etag };
    }
    const plan = (maxShards: number) =>
      planJob({ output: world.output, settings: fakeSettings, pictures: pictures(), maxShards });
    await expect(plan(2)).rejects.toThrow(
      'Expected at most 2 shards, but 10 pictures make 3 shards of 4: choose --shard-size 5 or more.',
    );
    expect(world.output.text('_job.json')).toBeUndefined();
    expect((await plan(3)).shards).toHaveLength(3);
    await expect(plan(2)).rejects.toMatchObject({ code: 'too_many_shards' });
  });
});
