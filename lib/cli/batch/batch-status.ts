import { Command } from 'commander';
import { batchKeys, batchSummary } from '../../contracts/batch.ts';
import { systemClock as clock } from '../../local/system-clock.ts';
import { storedShards } from '../../pipeline/batch/batch-shard.ts';
import { readJson } from '../../pipeline/batch/stored-json.ts';
import { type LiveViewOptions, liveViewOptions, showLive } from '../aws/live-view.ts';
import { regionOption, type StackOptions, stackOption } from '../aws/stack-option.ts';
import { examples } from '../examples.ts';
import { openSubmittedJob, type SubmittedJob } from './batch-stack.ts';
import { type BatchState, batchStatusJson, batchStatusReport } from './batch-status-report.ts';

interface BatchStatusOptions extends StackOptions, LiveViewOptions {}

export function batchStatusCommand(): Command {
  const command = new Command('status')
    .summary('how far a job on AWS is, what it costs, why it waits')
    .description(
      'Shows how many shards of a submitted job are done, the time left, the cost so far, and why children wait or have failed. On a terminal the view is drawn again and again until the job is done or Ctrl-C; anywhere else it is written once.',
    )
    .argument('<dst>', 'name or s3://bucket/prefix of a submitted job')
    .addOption(stackOption())
    .addOption(regionOption());
  for (const option of liveViewOptions(10)) command.addOption(option);
  return command
    .option('--json', 'one JSON object for each look', false)
    .addHelpText('after', examples('batch status 2026', 'batch status 2026 --json --watch --interval 60'))
    .action((dst: string, options: BatchStatusOptions) => batchStatus(dst, options));
}

async function batchStatus(dst: string, options: BatchStatusOptions): Promise<void> {
  const submitted = await openSubmittedJob(dst, options);
  await showLive(options, 'the job', async () => {
    const state = await readState(submitted);
    const text = options.json ? `${JSON.stringify(batchStatusJson(state))}\n` : batchStatusReport(state);
    return { text, last: state.summary !== undefined };
  });
}

async function readState({ queue, name, stack, place, output, job }: SubmittedJob): Promise<BatchState> {
  const [{ createBatchClient }, { findJob }, { readJobState }, { readMachines }] = await Promise.all([
    import('../../aws/command-clients.ts'),
    import('../../aws/find-job.ts'),
    import('../../aws/job-state.ts'),
    import('../../aws/batch-machines.ts'),
  ]);
  const client = createBatchClient();
  const at = clock.now();
  const [stored, success, found, machines] = await Promise.all([
    storedShards(output, job),
    output.head(batchKeys.success),
    findJob(client, queue, name),
    readMachines(client, queue),
  ]);
  const summary = success === undefined ? undefined : await readJson(output, batchKeys.summary, batchSummary);
  return {
    ...{ at, job, place, machines, stored },
    stack: stack.name,
    ...(summary === undefined ? {} : { summary }),
    ...(found === undefined ? {} : { aws: await readJobState(client, found, at) }),
  };
}
