import { describe, expect, test } from 'vitest';
import { submissionCondition, writeSubmission } from '../../../lib/jobs/submission.ts';
import { submittedJob } from './submitted-job.ts';

describe('a submission', () => {
  test('of a finished job is undefined', async () => {
    const job = await submittedJob();
    for (const index of [0, 1, 2]) await job.child(index);
    expect(await job.submit()).toBeUndefined();
    expect(job.world.output.text('_SUCCESS')).toBe('');
  });

  test('has one child, which finishes the job, when all shards are stored without _SUCCESS', async () => {
    const job = await submittedJob();
    for (const index of [0, 1, 2]) await job.child(index);
    await job.world.output.delete('_SUCCESS');
    expect(await job.submit()).toMatchObject({ shards: [0], pictures: 0 });
    expect(await job.child(0)).toMatchObject({ shard: 'there', summary: { pictures: 10 } });
  });

  test('removes _SUCCESS when a shard is gone', async () => {
    const job = await submittedJob();
    for (const index of [0, 1, 2]) await job.child(index);
    await job.world.output.delete('part-00001.parquet');
    expect(await job.submit()).toMatchObject({ shards: [1], pictures: 4 });
    expect(job.world.output.text('_SUCCESS')).toBeUndefined();
  });

  test('fails for the second of two users who submit at once', async () => {
    const { world, job } = await submittedJob();
    const condition = await submissionCondition(world.output);
    world.clock.jump(1000);
    await writeSubmission(world.output, job, condition, world.clock);
    await expect(writeSubmission(world.output, job, condition, world.clock)).rejects.toMatchObject({
      code: 'submitted_elsewhere',
    });
  });
});
