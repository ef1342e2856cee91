import type { Command } from 'commander';
import type { StackOutputs } from '../../aws/deployed-stack.ts';
import { openStack } from '../aws/stack-option.ts';
import { printable } from '../terminal/printable.ts';
import { writeOut } from '../terminal/standard-output.ts';
import { UsageError } from '../usage-error.ts';
import { CIFAR10 } from './data-option.ts';
import type { TrainFlags } from './train-options.ts';

/** What the job says itself, or what is said to us alone. */
const notPassedOn = ['out', 'model', 'cache', 'onAws', 'stack', 'region', 'json', 'force', 'resume'];

/** Where runs lie in the output bucket: all that the job may write. */
const RUNS = 'training/';

/** Submits the same training to the deployed stack, and says where its model will lie. */
export async function trainOnAws(flags: TrainFlags, command: Command): Promise<void> {
  refuseLocal(flags);
  const { outputs, name, region } = await openStack(flags);
  const { trainingQueue: queue, trainingJob: definition } = outputs;
  if (queue === undefined || definition === undefined) {
    throw new UsageError(`stack ${name} has no place for training; deploy it with npx cdk deploy -c training=true`);
  }
  const out = placeOf(flags.out, outputs);
  const jobName = `igpt-train-${out.slice(out.lastIndexOf('/') + 1)}`.replaceAll(/[^\w-]/g, '-').slice(0, 128);
  const [{ createBatchClient }, { submitJob }] = await Promise.all([
    import('../../aws/command-clients.ts'),
    import('../../aws/submit-job.ts'),
  ]);
  const environment = {
    TRAIN_OUT: out,
    TRAIN_MODEL: flags.model,
    TRAIN_ARGUMENTS: JSON.stringify(argumentsOf(flags, command)),
  };
  const job = await submitJob(createBatchClient(), { queue, definition, name: jobName, environment });
  await writeOut(
    flags.json
      ? `${JSON.stringify({ job, name: jobName, out })}\n`
      : `job ${job} (${jobName}) begins when Fargate Spot has room, in ${region}; its model and metrics will lie at ${printable(out)}\n`,
  );
  process.stderr.write(
    `To look at it: aws batch describe-jobs --jobs ${job}; to end it: aws batch terminate-job --job-id ${job} --reason done\n`,
  );
}

function refuseLocal({ tokens, labels, mask, data, model, force, resume }: TrainFlags): void {
  if (tokens !== undefined || labels !== undefined || mask !== undefined) {
    throw new UsageError(
      '--on-aws trains on pictures; --tokens, --labels and --mask are files of this machine: leave them out',
    );
  }
  if (data === undefined || !(data === CIFAR10 || data.startsWith('s3://'))) {
    throw new UsageError(
      `--on-aws needs --data s3://bucket/prefix in the stack's input bucket, or ${CIFAR10}; got ${data ?? 'none'}`,
    );
  }
  if (model !== 'igpt-nano' && !model.startsWith('s3://')) {
    throw new UsageError(
      `--on-aws needs --model s3://… in the stack's output bucket, under models/ or training/; copy it there: aws s3 cp --recursive ${model} s3://OUTPUT_BUCKET/models/NAME/`,
    );
  }
  if (force || resume) {
    throw new UsageError('--on-aws goes on by itself where --out holds the run; choose another --out to begin anew');
  }
}

/** A name is a run in the output bucket. */
function placeOf(out: string, { outputBucket }: StackOutputs): string {
  const own = `s3://${outputBucket}/${RUNS}`;
  const place = /^[A-Za-z0-9][\w.-]*$/.test(out) ? own + out : out.replace(/\/+$/, '');
  if (place.startsWith(own) && place.length > own.length) return place;
  throw new UsageError(
    `--out ${out}: expected a name, or a place below ${own}, which is all that a training job may write`,
  );
}

/** The command line again, as commander understood it: what was given, without what the job says itself. */
function argumentsOf(flags: TrainFlags, command: Command): string[] {
  const values: Record<string, unknown> = { ...flags };
  return command.options.flatMap((option) => {
    const name = option.attributeName();
    if (notPassedOn.includes(name) || command.getOptionValueSource(name) !== 'cli') return [];
    const flag = option.long ?? '';
    return option.isBoolean() || option.negate ? [flag] : [flag, String(values[name])];
  });
}
