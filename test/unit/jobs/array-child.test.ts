import { describe, expect, test } from 'vitest';
import { pipelineEvent } from '../../../lib/contracts/event.ts';
import { jobSummary } from '../../../lib/contracts/job.ts';
import { runShards } from '../../../lib/jobs/run-shards.ts';
import { writeSubmission } from '../../../lib/jobs/submission.ts';
import { createFakeModel } from '../../support/fake-model.ts';
import { createJobWorld, fakeSettings, outputOf } from '../../support/job-world.ts';
import { createMemoryObjectStore } from '../../support/memory-object-store.ts';
import { machineOf, submittedJob } from './submitted-job.ts';

/** What an uninterrupted run on one machine writes, and the submission. */
async function outputOfRun({ world, job }: Awaited<ReturnType<typeof submittedJob>>) {
  const whole = createMemoryObjectStore(world.clock);
  await runShards({ ...(await world.options({ output: whole })), job });
  return { ...outputOf(whole), '_submission.json': outputOf(world.output)['_submission.json'] };
}

describe('a child of a job', () => {
  test('makes its shard in any order; the last child writes the summary and publishes the event', async () => {
    const job = await submittedJob();
    expect(job.submission).toMatchObject({ shards: [0, 1, 2], pictures: 10 });
    expect(await job.child(2)).toEqual({ shard: 'made', pictures: 2, failed: 0 });
    expect(await job.child(0)).toEqual({ shard: 'made', pictures: 4, failed: 0 });
    expect(job.published).toEqual([]);
    const last = await job.child(1);

    expect(last).toMatchObject({ shard: 'made', pictures: 4, failed: 1, summary: { succeeded: 9, failed: 1 } });
    expect(job.published).toEqual([
      {
        type: 'batch',
        job: job.job.id,
        model: 'fake-1',
        place: 's3://out/batch/a',
        shards: 3,
        pictures: 10,
        succeeded: 9,
        failed: 1,
        failures: { corrupt_image: 1 },
      },
    ]);
    expect(pipelineEvent.parse(job.published[0])).toEqual(job.published[0]);
    expect(jobSummary.parse(JSON.parse(job.world.output.text('_summary.json') ?? ''))).toEqual(last.summary);
    expect(outputOf(job.world.output)).toEqual(await outputOfRun(job));
    expect(job.machines()).toEqual({ opened: 3, closed: 3 });
  });

  test('leaves an existing shard alone and opens no model for it', async () => {
    const job = await submittedJob();
    await job.child(1);
    expect(await job.child(1)).toEqual({ shard: 'there', pictures: 0, failed: 0 });
    expect(job.machines()).toEqual({ opened: 1, closed: 1 });
  });

  test('has nothing to do when a later submission has fewer children', async () => {
    const job = await submittedJob();
    await job.child(1);
    expect(await job.submit()).toMatchObject({ shards: [0, 2], pictures: 6 });
    expect(await job.child(2)).toMatchObject({ shard: 'there' });
    expect(await job.child(1)).toMatchObject({ shard: 'made', pictures: 2 });
    expect([...job.world.output.objects.keys()].filter((key) => key.startsWith('part-'))).toEqual([
      'part-00001.parquet',
      'part-00002.parquet',
    ]);
  });

  test('stores nothing when it is stopped before its shard is complete', async () => {
    const job = await submittedJob();
    const stop = new AbortController();
    const before = Object.keys(outputOf(job.world.output));
    const model = createFakeModel();
    const end = await job.child(0, {
      signal: stop.signal,
      open: async () => ({
        ...machineOf(job.world),
        decoding: 1,
        predicting: 1,
        model: {
          ...model,
          async predict(tokens) {
            stop.abort();
            return model.predict(tokens);
          },
        },
        async [Symbol.asyncDispose]() {},
      }),
    });
    expect(end.shard).toBe('stopped');
    expect(Object.keys(outputOf(job.world.output))).toEqual(before);
  });

  test('publishes its event again when it was killed between the event and _SUCCESS', async () => {
    const job = await submittedJob();
    await job.child(0);
    await job.child(1);
    const { output } = job.world;
    const dying = {
      ...output,
      async put(...args: Parameters<typeof output.put>) {
        if (args[0] === '_SUCCESS') throw new Error('killed');
        return output.put(...args);
      },
    };
    await expect(job.child(2, { output: dying })).rejects.toThrow('killed');
    expect(job.published).toHaveLength(1);
    expect(await job.child(2)).toMatchObject({ shard: 'there', summary: { succeeded: 9 } });
    expect(job.published).toHaveLength(2);
    expect(job.published[1]).toEqual(job.published[0]);
    expect(outputOf(output)).toEqual(await outputOfRun(job));

    // A later child finds the job done.
    await job.child(2);
    expect(job.published).toHaveLength(2);
  });

  test('leaves one summary and one _SUCCESS when two children end at once', async () => {
    const job = await submittedJob();
    await job.child(0);
    await Promise.all([job.child(1), job.child(2), job.child(2)]);
    expect(job.published.length).toBeGreaterThanOrEqual(1);
    expect(outputOf(job.world.output)).toEqual(await outputOfRun(job));
  });

  test('stops with the reason when too many pictures fail', async () => {
    const world = createJobWorld({ ...fakeSettings, shard_size: 200 });
    for (let i = 0; i < 150; i += 1) await world.put(`p${i}.jpg`, 'bad');
    const job = await world.plan();
    await writeSubmission(world.output, job, { ifNoneMatch: '*' }, world.clock);
    const { child } = await submittedJob();
    const open = async () => ({ ...machineOf(world), async [Symbol.asyncDispose]() {} });
    await expect(child(0, { output: world.output, open })).rejects.toThrow(
      /Expected at most 50 % of the pictures to fail, but 100 of the first 100 did/,
    );
    expect([...world.output.objects.keys()].some((key) => key.startsWith('part-'))).toBe(false);
  });

  test.each([
    ['job', '_job.json', 'job_missing'],
    ['submission', '_submission.json', 'submission_missing'],
  ])('fails without a %s', async (_, key, code) => {
    const job = await submittedJob();
    await job.world.output.delete(key);
    await expect(job.child(0)).rejects.toMatchObject({ code });
  });
});
