import { Command } from 'commander';
import { openJob } from '../../jobs/open-job.ts';
import { parquetShards } from '../../jobs/parquet/shard-file.ts';
import { reopenJob } from '../../jobs/summary.ts';
import { removeShard, verifyJob } from '../../jobs/verify-job.ts';
import { examples } from '../invocation.ts';
import { progressBar } from '../terminal/progress-bar.ts';
import { writeOut } from '../terminal/standard-output.ts';
import { printable } from '../terminal/text.ts';

interface BatchVerifyOptions {
  remove: boolean;
  json: boolean;
}

export function batchVerifyCommand(): Command {
  return new Command('verify')
    .summary('finds damaged and missing shards')
    .description(
      'Reads every shard of a job and compares it with its checksum and its manifest, then the summary with all of them. Prints one line for each that is damaged, missing or was never recorded, and for shards that are not the job’s.',
    )
    .argument('<dst>', 'directory or s3://bucket/prefix of a job')
    .option('--remove', 'take away what is damaged, so that the next run makes it again', false)
    .option('--json', 'one JSON object a line, whole shards too', false)
    .addHelpText('after', examples('batch verify shards', 'batch verify shards --remove'))
    .addHelpText('after', '\nExit codes: 0 all are whole, 1 some are not, 2 wrong command line.')
    .action((place: string, options: BatchVerifyOptions) => batchVerify(place, options));
}

async function batchVerify(place: string, { remove, json }: BatchVerifyOptions): Promise<void> {
  const { output, job } = await openJob(place, { readOnly: !remove });
  using bar = progressBar('shards');
  const counts = { whole: 0, missing: 0, damaged: 0, unrecorded: 0, foreign: 0 };
  let lists = 0;
  let seen = 0;
  for await (const check of verifyJob({ output, job, format: parquetShards })) {
    const { state } = check;
    counts[state] += 1;
    if ('manifest' in check) lists += 1;
    else if (state === 'damaged' && remove) await ('shard' in check ? removeShard(output, seen) : reopenJob(output));
    if (!('file' in check)) {
      seen += 1;
      bar.update(seen, job.shards.length);
    }
    const name = 'shard' in check ? check.shard : 'manifest' in check ? check.manifest : check.file;
    if (json) await bar.around(() => writeOut(`${JSON.stringify(check)}\n`));
    else if (state !== 'whole') await bar.around(() => writeOut(`${state}  ${printable(name)}\n`));
  }
  bar.stop();
  const { whole, ...others } = counts;
  const bad = Object.entries(others).filter(([, count]) => count > 0);
  process.stderr.write(
    `${whole} of ${job.shards.length} shards are whole${bad.map(([state, count]) => `, ${count} ${state}`).join('')}\n`,
  );
  if (bad.length === 0) return;
  process.exitCode = 1;
  const { missing, damaged, unrecorded, foreign } = counts;
  if (missing + damaged + unrecorded > lists) {
    const how = damaged > 0 && !remove ? 'with --remove what is damaged is taken away; then ' : '';
    process.stderr.write(`${how}igpt batch run, as before, makes what is not there\n`);
  }
  if (lists > 0)
    process.stderr.write('no run makes a manifest again: restore it, or begin again in another directory\n');
  if (foreign > 0) process.stderr.write('what is foreign is read as a part of the job: move it away\n');
}
