import { Command } from 'commander';
import { storedShards } from '../../jobs/shard.ts';
import type { StackOptions } from '../../operate/open-stack.ts';
import { openSubmittedJob } from '../../operate/submitted-job.ts';
import { examples } from '../invocation.ts';
import { regionOption, stackOption } from '../options/stack-option.ts';
import { writeOut } from '../terminal/standard-output.ts';

interface BatchCancelOptions extends StackOptions {
  json: boolean;
}

export function batchCancelCommand(): Command {
  return new Command('cancel')
    .summary('ends a job on AWS; complete shards stay')
    .description(
      'Ends all running and waiting children of a job on AWS Batch. Complete shards stay. To continue the job, submit it again with the same options.',
    )
    .argument('<dst>', 'name or s3://bucket/prefix of a submitted job')
    .addOption(stackOption())
    .addOption(regionOption())
    .option('--json', 'print the result as JSON', false)
    .addHelpText('after', examples('batch cancel 2026'))
    .action((dst: string, options: BatchCancelOptions) => batchCancel(dst, options));
}

async function batchCancel(dst: string, options: BatchCancelOptions): Promise<void> {
  const { queue, name, output, job } = await openSubmittedJob(dst, options);
  const [{ createBatchClient }, { endJob, findJob, hasEnded }] = await Promise.all([
    import('../../operate/clients.ts'),
    import('../../operate/aws-job.ts'),
  ]);
  const client = createBatchClient();
  const found = await findJob(client, queue, name);
  const ending = found !== undefined && !hasEnded(found) ? found.jobId : undefined;
  if (ending !== undefined) await endJob(client, ending, 'igpt batch cancel');
  const done = (await storedShards(output, job)).size;
  const shards = job.shards.length;
  const words =
    ending === undefined
      ? `job ${job.id} does not run on AWS`
      : `job ${job.id} is being ended on AWS, as ${ending} (${name})`;
  await writeOut(
    options.json
      ? `${JSON.stringify({ job: job.id, aws_job: ending ?? null, shards, shards_done: done })}\n`
      : `${words}; ${done} of ${shards} shards are complete\n`,
  );
}
