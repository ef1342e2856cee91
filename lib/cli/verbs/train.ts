import { realpath } from 'node:fs/promises';
import { sep } from 'node:path';
import type { Command } from 'commander';
import { isS3Location } from '../../contracts/s3-location.ts';
import { openStack } from '../../operate/open-stack.ts';
import { submitTraining } from '../../operate/submit-training.ts';
import { UsageError } from '../../ports/error.ts';
import { cifar10Name } from '../../training/data/data-set.ts';
import type { SplitOptions } from '../../training/data/split.ts';
import { openTraining, type Training } from '../../training/open-training.ts';
import type { TrainState } from '../../training/train.ts';
import { objectiveOf, sourceOf } from '../../training/train-plan.ts';
import { type Stop, stopOnInterrupt } from '../interrupt.ts';
import { sameCommand } from '../invocation.ts';
import { openNamedDataSet } from '../options/data-options.ts';
import { openNamedCheckpoint } from '../options/model-option.ts';
import { type TrainFlags, trainCommandLine } from '../options/train-options.ts';
import { dataSetJson } from '../terminal/data-set-text.ts';
import { progressBar } from '../terminal/progress-bar.ts';
import { writeOut } from '../terminal/standard-output.ts';
import { printable } from '../terminal/text.ts';
import { openTrainReport } from '../terminal/train-progress.ts';

export function trainCommand(): Command {
  return trainCommandLine().action((flags: TrainFlags, command: Command) =>
    flags.onAws ? trainOnAws(flags, command) : trainHere(flags, command),
  );
}

async function trainHere(flags: TrainFlags, command: Command): Promise<void> {
  const { source, plain } = sourceOf(flags);
  const checkpoint = await openNamedCheckpoint(flags.model);
  const { directory } = checkpoint;
  await refuseModelInOut(directory, flags);
  const objective = objectiveOf(flags, checkpoint);
  const dataSet = await openNamedDataSet({ ...flags, data: source }, checkpoint);
  const { out, force, resume, batch } = flags;
  await using training = await openTraining({
    choices: flags,
    checkpoint,
    objective,
    dataSet,
    shares: sharesOf(flags, plain, command),
    out,
    existing: { force, resume },
    say: (line) => process.stderr.write(`${printable(line)}\n`),
  });
  const { start, steps } = training;

  using bar = progressBar('pictures');
  await using report = await openTrainReport(training.folder, {
    title: `${checkpoint.name}, ${flags.objective}, on ${dataSet.name}`,
    from: start.step,
    batch,
    steps,
    bar,
  });
  for (const step of training.damaged) bar.say(`igpt: the checkpoint of step ${step} is damaged; using an earlier one`);
  if (training.heldOut === 0 && !plain) bar.say('nothing is held out: the last model is kept');
  if (start.step > 0) bar.say(`resuming after step ${start.step} of ${steps}`);
  using stop = stopOnInterrupt(bar.say, 'the step, then a checkpoint');
  const state = await training.run(
    { onStep: report.step, onValidation: report.validation, onSaved: report.draw },
    stop.signal,
  );
  bar.stop();

  await writeOut(report.summary(state, out, flags.json ? dataSetJson(dataSet) : undefined));
  sayHowItEnded(training, state, out, stop);
}

function sayHowItEnded({ start }: Training, { step, ended }: TrainState, out: string, stop: Stop): void {
  if (!ended) {
    const again = sameCommand().replace(' --force', '');
    const kept = step === 0 ? 'before the first step' : `after step ${step}, which is saved`;
    process.stderr.write(`\nStopped ${kept}. To resume: ${printable(again)}\n`);
    process.exitCode = stop.exitCode();
  } else if (start.ended) {
    process.stderr.write(`${printable(out)}: this training is complete; add --force to start again\n`);
  }
}

/** Refuses a `--model` inside `--out`: training replaces the models there, with `--force` before reading `--model`. */
async function refuseModelInOut(directory: string, { model, out }: TrainFlags): Promise<void> {
  const place = await realpath(out).catch(() => undefined);
  if (place === undefined || !`${await realpath(directory)}${sep}`.startsWith(`${place}${sep}`)) return;
  throw new UsageError(
    `--model ${model} lies in --out ${out}, where training replaces models; choose another --out, or copy the model`,
  );
}

/** With `--tokens`, all rows are for training, unless the command line holds some out. */
function sharesOf(flags: TrainFlags, plain: boolean, command: Command): Required<SplitOptions> {
  const share = (name: 'validationShare' | 'testShare') =>
    plain && command.getOptionValueSource(name) !== 'cli' ? 0 : flags[name];
  return { validation: share('validationShare'), test: share('testShare'), seed: flags.splitSeed };
}

/** Options that the job sets itself, or that concern this command alone. */
const notPassedOn = ['out', 'model', 'cache', 'onAws', 'stack', 'region', 'json', 'force', 'resume'];

/** Submits the same training to the deployed stack, and prints where its model will be. */
async function trainOnAws(flags: TrainFlags, command: Command): Promise<void> {
  refuseLocal(flags);
  const stack = await openStack(flags);
  const { job, name, out } = await submitTraining(stack, {
    model: flags.model,
    out: flags.out,
    arguments: argumentsOf(flags, command),
  });
  await writeOut(
    flags.json
      ? `${JSON.stringify({ job, name, out })}\n`
      : `job ${job} (${name}) starts when Fargate Spot has capacity, in ${stack.region}; its model and metrics will be at ${printable(out)}\n`,
  );
  process.stderr.write(
    `Progress: aws batch describe-jobs --jobs ${job}; to cancel: aws batch terminate-job --job-id ${job} --reason done\n`,
  );
}

function refuseLocal({ tokens, labels, mask, data, model, force, resume }: TrainFlags): void {
  if (tokens !== undefined || labels !== undefined || mask !== undefined) {
    throw new UsageError(
      '--on-aws trains on pictures in S3, but --tokens, --labels and --mask are files of this machine: leave them out',
    );
  }
  if (data === undefined || !(data === cifar10Name || isS3Location(data))) {
    throw new UsageError(
      `--on-aws needs --data s3://bucket/prefix in the stack's input bucket, or ${cifar10Name}; received ${data ?? 'none'}`,
    );
  }
  if (model !== 'igpt-nano' && !isS3Location(model)) {
    throw new UsageError(
      `--on-aws needs --model s3://… in the stack's output bucket, under models/ or training/; received ${model}; copy it there: aws s3 cp --recursive ${model} s3://OUTPUT_BUCKET/models/NAME/`,
    );
  }
  if (force || resume) {
    throw new UsageError(
      '--on-aws always resumes the training in --out; leave out --force and --resume, or choose another --out to start again',
    );
  }
}

/** The options that the user gave, for the job to pass to igpt train. */
function argumentsOf(flags: TrainFlags, command: Command): string[] {
  const values: Record<string, unknown> = { ...flags };
  return command.options.flatMap((option) => {
    const name = option.attributeName();
    if (notPassedOn.includes(name) || command.getOptionValueSource(name) !== 'cli') return [];
    const flag = option.long ?? '';
    return option.isBoolean() || option.negate ? [flag] : [flag, String(values[name])];
  });
}
