import { Command } from 'commander';
import { examples, samplePictures } from '../invocation.ts';
import { batchCancelCommand } from './batch-cancel.ts';
import { batchRetryCommand } from './batch-retry.ts';
import { batchRunCommand } from './batch-run.ts';
import { batchStatusCommand } from './batch-status.ts';
import { batchSubmitCommand } from './batch-submit.ts';
import { batchVerifyCommand } from './batch-verify.ts';

export function batchCommand(): Command {
  const command = new Command('batch')
    .description(
      'Runs the model over a data set of any size as one job, without queues. The results are Parquet shards with one row for each picture. For the help of an action: batch run --help.',
    )
    .usage('<action> …')
    .addHelpText('after', examples(`batch run ${samplePictures()} --out shards`, 'batch verify shards'));
  const local = [batchRunCommand, batchVerifyCommand, batchRetryCommand];
  const onAws = [batchSubmitCommand, batchStatusCommand, batchCancelCommand];
  for (const create of [...local, ...onAws]) command.addCommand(create());
  return command.helpCommand(false);
}
