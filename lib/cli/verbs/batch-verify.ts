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
      'Reads every shard of a job and compares it with its checksum and its manifest, then compares the summary with all shards. Prints one line for each shard that is damaged, missing, unrecorded (without a checksum) or foreign (not part of the job).',
    )
    .argument('<dst>', 'directory or s3://bucket/prefix of a job')
    .option('--remove', 'delete damaged files, so that the next run makes them again', false)
    .option('--json', 'one JSON object per line, also for whole shards', false)
    .addHelpText('after', examples('batch verify shards', 'batch verify shards --remove'))
    .addHelpText('after', '\nExit codes: 0 all shards are whole, 1 some are not, 2 wrong command line.')
    .action((place: string, options: BatchVerifyOptions) => batchVerify(place, options));
}

async function batchVerify(place: string, { remove, json }: BatchVerifyOptions): Promise<void> {
  const { output, job } = await openJob(place, { readOnly: !remove });
  using bar = progressBar('shards');
  const counts = { whole: 0, missing: 0, damaged: 0, unrecorded: 0, foreign: 0 };
  let badManifests = 0;
  let seen = 0;
  for await (const check of verifyJob({ output, job, format: parquetShards })) {
    const { state } = check;
    counts[state] += 1;
    if ('manifest' in check) badManifests += 1;
    else if (state === 'damaged' && remove) await ('shard' in check ? removeShard(output, seen) : reopenJob(output));
    if (!('file' in check)) {
      seen += 1;
      bar.update(seen, job.shards.length);
    }
    const name = 'shard' in check ? check.shard : 'manifest' in check ? check.manifest : check.file;
    if (json) await bar.hideWhile(() => writeOut(`${JSON.stringify(check)}\n`));
    else if (state !== 'whole') await bar.hideWhile(() => writeOut(`${state}  ${printable(name)}\n`));
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
  if (missing + damaged + unrecorded > badManifests) {
    const how = damaged > 0 && !remove ? 'delete damaged shards with --remove; then ' : '';
    process.stderr.write(`${how}igpt batch run, with the same options, makes the missing shards\n`);
  }
  if (badManifests > 0)
    process.stderr.write('a manifest cannot be made again: restore it, or start again in another directory\n');
  if (foreign > 0) process.stderr.write('readers would take foreign shards for shards of the job: move them away\n');
}
