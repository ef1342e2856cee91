import type { BatchEvent } from '../../../lib/contracts/event.ts';
import { type ChildEnd, type ChildMachine, type ChildOptions, runArrayChild } from '../../../lib/jobs/array-child.ts';
import { parquetShards } from '../../../lib/jobs/parquet/shard-file.ts';
import { submissionCondition, writeSubmission } from '../../../lib/jobs/submission.ts';
import { createFakeDecoder, createFakeModel } from '../../support/fake-model.ts';
import { createJobWorld } from '../../support/job-world.ts';

/** A submitted job of ten pictures in shards of four. `child` makes one shard, as AWS Batch would. */
export async function submittedJob() {
  const world = createJobWorld();
  for (let i = 0; i < 10; i += 1) await world.put(`p${i}.jpg`, i === 7 ? 'bad one' : `good ${i}`);
  const job = await world.plan();
  const published: BatchEvent[] = [];
  let opened = 0;
  let closed = 0;
  const submit = async () => writeSubmission(world.output, job, await submissionCondition(world.output), world.clock);
  const submission = await submit();
  return {
    world,
    job,
    published,
    submission,
    submit,
    machines: () => ({ opened, closed }),
    child: (index: number, changes: Partial<ChildOptions> = {}): Promise<ChildEnd> =>
      runArrayChild({
        output: world.output,
        place: 's3://out/batch/a',
        index,
        format: parquetShards,
        clock: world.clock,
        events: { publish: async (events) => void published.push(...events) },
        maxFailureRate: 0.5,
        signal: new AbortController().signal,
        async open() {
          opened += 1;
          return {
            ...machineOf(world),
            async [Symbol.asyncDispose]() {
              closed += 1;
            },
          };
        },
        ...changes,
      }),
  };
}

/** Decoder and model of a child. */
export function machineOf(world: ReturnType<typeof createJobWorld>): ChildMachine {
  return {
    input: world.input,
    decoder: createFakeDecoder(),
    model: createFakeModel(),
    maxPictureBytes: 1000,
    decoding: 2,
    predicting: 2,
  };
}
