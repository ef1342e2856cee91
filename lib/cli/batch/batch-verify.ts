import { Command } from 'commander';
import { removeShard, type ShardCheck, verifyBatch } from '../../pipeline/batch/batch-verify.ts';
import { examples } from '../examples.ts';
import { progressBar } from '../terminal/progress-bar.ts';
import { writeOut } from '../terminal/standard-output.ts';
import { openBatchJob } from './batch-output.ts';

interface BatchVerifyOptions {
  remove: boolean;
  json: boolean;
}

export function batchVerifyCommand(): Command {
  return new Command('verify')
    .summary('finds damaged and missing shards')
    .description(
      'Reads every shard of a job and compares it with its checksum. Prints one line for each that is damaged, missing or was never recorded.',
    )
    .argument('<dst>', 'directory or s3://bucket/prefix of a job')
    .option('--remove', 'take damaged shards away, so that the next run makes them again', false)
    .option('--json', 'one JSON object a line, whole shards too', false)
    .addHelpText('after', examples('batch verify shards', 'batch verify shards --remove'))
    .addHelpText('after', '\nExit codes: 0 all are whole, 1 some are not, 2 wrong command line.')
    .action((place: string, options: BatchVerifyOptions) => batchVerify(place, options));
}

async function batchVerify(place: string, { remove, json }: BatchVerifyOptions): Promise<void> {
  const { output, job } = await openBatchJob(place);
  using bar = progressBar('shards');
  const counts: Record<ShardCheck['state'], number> = { whole: 0, missing: 0, damaged: 0, unrecorded: 0 };
  let number = 0;
  for await (const check of verifyBatch(output, job)) {
    const { shard, state } = check;
    counts[state] += 1;
    if (state === 'damaged' && remove) await removeShard(output, number);
    number += 1;
    bar.update(number, job.shards.length);
    if (json) await bar.around(() => writeOut(`${JSON.stringify(check)}\n`));
    else if (state !== 'whole') await bar.around(() => writeOut(`${state}  ${shard}\n`));
  }
  bar.stop();
  const { whole, ...others } = counts;
  const bad = Object.entries(others).filter(([, count]) => count > 0);
  process.stderr.write(
    `${whole} of ${job.shards.length} shards are whole${bad.map(([state, count]) => `, ${count} ${state}`).join('')}\n`,
  );
  if (bad.length === 0) return;
  const how = counts.damaged > 0 && !remove ? 'with --remove they are taken away; then ' : '';
  process.stderr.write(`${how}igpt batch run, as before, makes what is not there\n`);
  process.exitCode = 1;
}
