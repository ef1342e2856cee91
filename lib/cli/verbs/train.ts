import { realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { Command } from 'commander';
import { type Checkpoint, openCheckpoint } from '../../checkpoint/checkpoint.ts';
import { readConfigFile } from '../../checkpoint/config-file.ts';
import { weightHashes } from '../../checkpoint/weights-hash.ts';
import { isS3Location } from '../../contracts/s3-location.ts';
import { openTokenRows } from '../../local/npy-file.ts';
import { openStack } from '../../operate/deployed-stack.ts';
import { submitTraining } from '../../operate/submit-training.ts';
import { UsageError } from '../../ports/error.ts';
import type { Objective } from '../../ports/model.ts';
import { openTrainingSession, type TrainingSession } from '../../runtime/training-session.ts';
import { createAugmenter } from '../../training/data/augment.ts';
import { type ClassHead, chooseHead } from '../../training/data/classes.ts';
import { type DataSet, requireLabels } from '../../training/data/data-set.ts';
import { CIFAR10, openDataSet } from '../../training/data/open-data-set.ts';
import { createRowOrder, type Split, someRows, splitDataSet } from '../../training/data/split.ts';
import { DataSetError } from '../../training/error.ts';
import { createModelFiles, type InnerHead } from '../../training/model-files.ts';
import { newTraining, type TrainPlan, type TrainState, train, validate } from '../../training/train.ts';
import { checkHeldOut, objectiveOf, planOf, sharesOf, sourceOf } from '../../training/train-plan.ts';
import { createBatchSource, validationBatches } from '../../training/training-batches.ts';
import { createCheckpointStore, openTrainingDirectory, restoreTraining } from '../../training/training-directory.ts';
import { dataHash, type TrainingSettings } from '../../training/training-settings.ts';
import { stopOnInterrupt } from '../interrupt.ts';
import { sameCommand } from '../invocation.ts';
import { modelDirectory } from '../options/model-option.ts';
import { type TrainFlags, trainCommandLine } from '../options/train-options.ts';
import { progressBar } from '../terminal/progress-bar.ts';
import { writeOut } from '../terminal/standard-output.ts';
import { printable } from '../terminal/text.ts';
import { openTrainReport } from '../terminal/train-progress.ts';

export function trainCommand(): Command {
  return trainCommandLine().action((flags: TrainFlags, command: Command) => trainModel(flags, command));
}

/** What a run works on. */
interface Material {
  checkpoint: Checkpoint;
  objective: Objective;
  dataSet: DataSet;
  split: Split;
  /** Rows that are measured. */
  heldOut: Uint32Array;
  head: ClassHead | undefined;
  mask: 'drawn' | Uint8Array | undefined;
}

async function trainModel(flags: TrainFlags, command: Command): Promise<void> {
  if (flags.onAws) {
    await trainOnAws(flags, command);
    return;
  }
  const { source, plain } = sourceOf(flags);
  const directory = modelDirectory(flags.model);
  await refuseModelInOut(directory, flags);
  const checkpoint = await openCheckpoint(directory);
  const objective = objectiveOf(flags, checkpoint);
  const dataSet = await openDataSet({ ...flags, data: source }, checkpoint);
  const split = splitDataSet(dataSet, sharesOf(flags, plain, command));
  const plan = planOf(flags, split.train.length, command);
  const heldOut = someRows(split.validation, flags.validation, flags.seed);
  checkHeldOut(flags, heldOut.length, dataSet.name);
  const head = await headOf(flags, checkpoint, dataSet, split);
  const mask = objective === 'bert' ? await masksOf(flags.mask, dataSet) : undefined;
  const material: Material = { checkpoint, objective, dataSet, split, heldOut, head, mask };
  const settings = await settingsOf(flags, plan, material);

  await using run = await openTrainingDirectory(flags.out, settings, flags);
  const { n_layer } = checkpoint.config;
  await using session = await openTrainingSession(
    { ...checkpoint, config: { ...checkpoint.config, objective } },
    {
      loss: head === undefined ? 'generative' : 'joint',
      optimizer: {
        kind: flags.optimizer,
        weightDecay: flags.weightDecay,
        ...(flags.clip !== undefined && { clip: flags.clip }),
      },
      ...(head?.names && { classes: head.names.length }),
      ...(flags.headLayer !== undefined && { headLayer: flags.headLayer }),
      ...(flags.microBatch !== undefined && { microBatch: flags.microBatch }),
      recompute: flags.recompute,
      threads: flags.threads,
    },
  );
  const headWeight = session.parameters.find(({ name }) => /(^|\/)(score\.weight|wclf)$/.test(name));
  // A head of as many classes would begin with the model's weights.
  if (head?.names !== undefined) headWeight?.data.fill(0);
  const inner = head !== undefined && headWeight !== undefined && (flags.headLayer ?? n_layer) < n_layer;
  const labels = head && (head.names ?? (await classesOf(checkpoint)) ?? []);
  const innerHead: InnerHead | undefined = inner
    ? { name: headWeight.name, layer: flags.headLayer ?? 0, labels: labels ?? [] }
    : undefined;
  const files = await createModelFiles(checkpoint, session.parameters, {
    objective,
    ...(head && { head: inner ? 'probe' : 'score' }),
    ...(head?.names && { classes: head.names }),
    ...(innerHead && { innerHead }),
  });
  const store = createCheckpointStore(flags.out, run, session, files, flags.seed);
  await restoreTraining(run, session, innerHead);
  await runToEnd({ flags, plan, material, session, store, run });
}

/** A run replaces what lies in its directory; with --force, before the model is read. */
async function refuseModelInOut(directory: string, { model, out }: TrainFlags): Promise<void> {
  const place = await realpath(out).catch(() => undefined);
  if (place === undefined || !`${await realpath(directory)}${sep}`.startsWith(`${place}${sep}`)) return;
  throw new UsageError(
    `--model ${model} lies in --out ${out}, where training replaces models; choose another --out, or copy the model`,
  );
}

interface Prepared {
  flags: TrainFlags;
  plan: TrainPlan;
  material: Material;
  session: TrainingSession;
  store: ReturnType<typeof createCheckpointStore>;
  run: Awaited<ReturnType<typeof openTrainingDirectory>>;
}

async function runToEnd({ flags, plan, material, session, store, run }: Prepared): Promise<void> {
  const { checkpoint, dataSet, split, heldOut, head, mask } = material;
  const { batch, seed, out } = flags;
  const start: TrainState = run.start?.state ?? newTraining;
  const inputs = { batch, seed, ...(head && { labels: head.labels }), ...(mask && { mask }) };
  const augment = flags.augment && !start.ended ? await createAugmenter(dataSet, checkpoint.preprocessing) : undefined;
  const order = createRowOrder(split.train, seed, flags.shuffle);
  const batchOf = createBatchSource(dataSet, order, { ...inputs, ...(augment && { augment }) });
  const measured = validationBatches(dataSet, heldOut, inputs);

  using bar = progressBar('pictures');
  using report = await openTrainReport(run.folder, {
    title: `${checkpoint.name}, ${flags.objective}, on ${dataSet.name}`,
    from: start.step,
    batch,
    steps: plan.learningRate.steps,
    bar,
  });
  for (const step of run.damaged) bar.say(`igpt: the checkpoint of step ${step} is not whole; an earlier one is used`);
  if (measured.length === 0 && flags.tokens === undefined) bar.say('nothing is held out: the last model is kept');
  if (start.step > 0) bar.say(`going on after step ${start.step} of ${plan.learningRate.steps}`);
  using stop = stopOnInterrupt(bar.say, 'the step, then a checkpoint');
  const state = await train(
    plan,
    {
      session,
      batchOf: async (step) => batchOf(step),
      ...(measured.length > 0 && { validate: () => validate(session, measured) }),
      save: async (now) => {
        await store.save(now);
        await report.draw();
      },
      saveBest: store.saveModel,
      onStep: report.step,
      onValidation: report.validation,
      now: () => performance.now(),
    },
    start,
    stop.signal,
  );
  if (state.ended && state.best === undefined) await store.saveModel(state);
  bar.stop();

  await writeOut(report.summary(state, out, flags.json));
  if (!state.ended) {
    const again = sameCommand().replace(' --force', '');
    const kept = state.step === 0 ? 'before the first step' : `after step ${state.step}, which is kept`;
    process.stderr.write(`\nStopped ${kept}. To go on: ${printable(again)}\n`);
    process.exitCode = stop.exitCode();
  } else if (start.ended) {
    process.stderr.write(`${printable(out)}: this run is complete; add --force to begin anew\n`);
  }
}

async function headOf(
  { objective, newHead }: TrainFlags,
  checkpoint: Checkpoint,
  dataSet: DataSet,
  { train: rows }: Split,
): Promise<ClassHead | undefined> {
  const classes = await classesOf(checkpoint);
  if (objective === 'joint') {
    const head = chooseHead(requireLabels(dataSet), rows, newHead ? undefined : classes);
    if (checkpoint.probe !== undefined && !newHead) {
      const trained = head.names === undefined ? 'its score.weight' : 'a new class head';
      process.stderr.write(`the probe of ${printable(checkpoint.name)} is left out: ${trained} is trained\n`);
    }
    return head;
  }
  if (classes !== undefined || checkpoint.probe !== undefined) {
    process.stderr.write(
      `the class head of ${printable(checkpoint.name)} is not trained by --objective ${objective}: score.weight stays, a probe is left out; fit one with igpt probe, or go on with --objective joint\n`,
    );
  }
  return undefined;
}

/** Names of the classes of `score.weight`; a probe's are others. */
async function classesOf({ directory, weights }: Checkpoint): Promise<readonly string[] | undefined> {
  if (weights.score === undefined) return undefined;
  const { labels } = await readConfigFile(join(directory, 'config.json'));
  return labels ?? Array.from({ length: weights.score.shape[0] ?? 0 }, (_, i) => `LABEL_${i}`);
}

async function masksOf(
  path: string | undefined,
  { size, tokensPerPicture: n }: DataSet,
): Promise<'drawn' | Uint8Array> {
  if (path === undefined) return 'drawn';
  await using rows = await openTokenRows(path, { columns: n, below: 2, what: 'mask value' });
  if (rows.rows !== size) {
    throw new DataSetError('masks_mismatch', `${path}: expected ${size} masks, one for each picture, got ${rows.rows}`);
  }
  return Uint8Array.from(await rows.read(0, size));
}

async function settingsOf(
  flags: TrainFlags,
  plan: TrainPlan,
  { checkpoint, dataSet, split, head, mask }: Material,
): Promise<TrainingSettings> {
  const { peak, schedule, warmup, steps } = plan.learningRate;
  return {
    '--objective': flags.objective,
    '--model (its weights)': (await weightHashes(checkpoint)).join(' '),
    '--data (its tokens and labels)': dataHash(dataSet, mask instanceof Uint8Array ? [mask] : []),
    '--data (its parts)': `${split.train.length} to train on, ${split.validation.length} held out`,
    ...(head && { '--data (its classes)': dataSet.classes.join(', ') }),
    '--validation-share': flags.validationShare,
    '--test-share': flags.testShare,
    '--split-seed': flags.splitSeed,
    '--steps': steps,
    '--batch': flags.batch,
    '--optimizer': flags.optimizer,
    '--lr': peak,
    '--schedule': schedule,
    '--warmup': warmup,
    '--weight-decay': flags.weightDecay,
    '--clip': flags.clip ?? null,
    '--head-layer': flags.headLayer ?? null,
    '--new-head': flags.newHead,
    '--shuffle': flags.shuffle,
    '--augment': flags.augment,
    '--seed': flags.seed,
    '--validation': flags.validation,
    '--eval-every': plan.evalEvery,
    '--patience': flags.patience ?? null,
    '--best': flags.best,
    '--micro-batch': flags.microBatch ?? null,
    '--recompute': flags.recompute,
  };
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
    `To look at it: aws batch describe-jobs --jobs ${job}; to end it: aws batch terminate-job --job-id ${job} --reason done\n`,
  );
}

function refuseLocal({ tokens, labels, mask, data, model, force, resume }: TrainFlags): void {
  if (tokens !== undefined || labels !== undefined || mask !== undefined) {
    throw new UsageError(
      '--on-aws trains on pictures; --tokens, --labels and --mask are files of this machine: leave them out',
    );
  }
  if (data === undefined || !(data === CIFAR10 || isS3Location(data))) {
    throw new UsageError(
      `--on-aws needs --data s3://bucket/prefix in the stack's input bucket, or ${CIFAR10}; got ${data ?? 'none'}`,
    );
  }
  if (model !== 'igpt-nano' && !isS3Location(model)) {
    throw new UsageError(
      `--on-aws needs --model s3://… in the stack's output bucket, under models/ or training/; copy it there: aws s3 cp --recursive ${model} s3://OUTPUT_BUCKET/models/NAME/`,
    );
  }
  if (force || resume) {
    throw new UsageError('--on-aws goes on by itself where --out holds the run; choose another --out to begin anew');
  }
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
