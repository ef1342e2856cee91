import { Command } from 'commander';
import { UsageError } from '../../ports/error.ts';
import { examples, samplePictures } from '../invocation.ts';
import { nearest } from '../nearest.ts';
import { batchCancelCommand } from './batch-cancel.ts';
import { batchRetryCommand } from './batch-retry.ts';
import { batchRunCommand } from './batch-run.ts';
import { batchStatusCommand } from './batch-status.ts';
import { batchSubmitCommand } from './batch-submit.ts';
import { batchVerifyCommand } from './batch-verify.ts';

export function batchCommand(): Command {
  const command = new Command('batch')
    .summary('runs a whole data set into Parquet shards: run, verify, retry; submit, status, cancel on AWS')
    .description(
      'Runs the model over a data set of any size as one job, without queues. The results are Parquet shards with one row for each picture. For the help of an action: batch run --help.',
    )
    .usage('<action> …')
    .addHelpText('after', examples(`batch run ${samplePictures()} --out shards`, 'batch verify shards'))
    .allowExcessArguments()
    .action((_, { args: [action] }: Command) => {
      const names = command.commands.map((one) => one.name());
      const meant = action === undefined ? undefined : nearest(action, names);
      const received =
        action === undefined ? 'none' : `'${action}'${meant === undefined ? '' : ` (nearest: ${meant})`}`;
      throw new UsageError(`batch: expected one of ${names.join(', ')}; received ${received}`);
    });
  const local = [batchRunCommand, batchVerifyCommand, batchRetryCommand];
  const onAws = [batchSubmitCommand, batchStatusCommand, batchCancelCommand];
  for (const create of [...local, ...onAws]) command.addCommand(create());
  return command.helpCommand(false);
}
