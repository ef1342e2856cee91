import { join } from 'node:path';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { classReading, type ProblemType } from '../checkpoint/class-function.ts';
import { type ConfigFile, readConfigFile } from '../checkpoint/config-file.ts';
import { weightsTrainedOn } from '../checkpoint/trained-on.ts';
import { weightHashes } from '../checkpoint/weights-hash.ts';
import { openTokenRows } from '../local/npy-file.ts';
import { UsageError } from '../ports/error.ts';
import type { Objective } from '../ports/model.ts';
import { unmaskedPicture } from '../runtime/training-batch.ts';
import { openTrainingSession, type TrainingSession } from '../runtime/training-session.ts';
import { createAugmenter } from './data/augment.ts';
import { type ClassHead, chooseHead } from './data/classes.ts';
import { type DataSet, requireLabels } from './data/data-set.ts';
import { createRowOrder, type Split, type SplitOptions, someRows, splitDataSet } from './data/split.ts';
import { DataSetError } from './error.ts';
import { createModelFiles, type InnerHead } from './model-files.ts';
import { trainingRecord } from './seen-pictures.ts';
import { changesLayout, startingWeights } from './starting-weights.ts';
import { newTraining, type TrainPlan, type TrainPorts, type TrainState, train, validate } from './train.ts';
import { checkHeldOut, planOf, type TrainChoices } from './train-plan.ts';
import { createBatchSource, validationBatches } from './training-batches.ts';
import {
  createCheckpointStore,
  type OpenTrainingOptions,
  openTrainingDirectory,
  restoreTraining,
} from './training-directory.ts';
import { dataHash, type TrainingSettings } from './training-settings.ts';

export interface TrainingInput {
  choices: TrainChoices;
  checkpoint: Checkpoint;
  objective: Objective;
  dataSet: DataSet;
  /** Shares of the pictures to hold out, unless the data set has parts of its own. */
  shares: Required<SplitOptions>;
  /** Directory of the trained model. */
  out: string;
  /** What to do with a training that lies in `out`. */
  existing: OpenTrainingOptions;
  /** Takes a line about the class head. */
  say: (line: string) => void;
}

/** A training that is ready to go. */
export interface Training extends AsyncDisposable {
  /** Folder of the checkpoints and metrics. */
  readonly folder: string;
  readonly steps: number;
  /** The state from which it resumes (step 0: a new training). */
  readonly start: TrainState;
  /** Steps of damaged checkpoints that were passed over. */
  readonly damaged: readonly number[];
  /** Held-out pictures. */
  readonly heldOut: number;
  /** Trains to the end or until `signal`; see {@link train}. `onSaved`: a checkpoint was written. */
  run(observer: TrainingObserver, signal: AbortSignal): Promise<TrainState>;
}

type TrainingObserver = Pick<TrainPorts, 'onStep' | 'onValidation'> & { onSaved(): Promise<void> };

/**
 * Opens a training: divides the data set, chooses the class head, opens or resumes the directory and loads the
 * weights.
 *
 * @throws UsageError, DataSetError, TrainingError, RuntimeError
 */
export async function openTraining(input: TrainingInput): Promise<Training> {
  const { choices, checkpoint, objective, dataSet, shares, out, existing } = input;
  const file = await readConfigFile(join(checkpoint.directory, 'config.json'));
  sayDropout(input, file);
  const split = splitDataSet(dataSet, shares);
  const plan = planOf(choices, split.train.length, checkpoint.config.n_colors);
  const heldOut = someRows(split.validation, choices.validation, choices.seed);
  checkHeldOut(choices, heldOut.length, dataSet.name);
  const head = headOf(input, split, file);
  const mask = objective === 'bert' ? await masksOf(choices.mask, dataSet) : undefined;
  const settings = await settingsOf(input, { plan, split, head, mask });

  await using opened = new AsyncDisposableStack();
  const directory = opened.use(await openTrainingDirectory(out, settings, existing));
  const session = opened.use(await openSession(input, head));
  const { innerHead, files } = await modelFilesOf(input, session, head);
  const store = createCheckpointStore(out, directory, session, files, choices.seed);
  await restoreTraining(directory, session, innerHead);

  const { batch, seed } = choices;
  const start = directory.start?.state ?? newTraining;
  const inputs = { batch, seed, labels: head?.labels, mask };
  const augment =
    choices.augment && !start.ended ? await createAugmenter(dataSet, checkpoint.preprocessing) : undefined;
  const order = createRowOrder(split.train, seed, choices.shuffle);
  const batchOf = createBatchSource(dataSet, order, { ...inputs, augment });
  const measured = validationBatches(dataSet, heldOut, inputs);
  const owned = opened.move();
  return {
    folder: directory.folder,
    steps: plan.learningRate.steps,
    start,
    damaged: directory.damaged,
    heldOut: heldOut.length,
    async run({ onStep, onValidation, onSaved }, signal) {
      const ports: TrainPorts = {
        session,
        batchOf: async (step) => batchOf(step),
        validate: measured.length > 0 ? () => validate(session, measured) : undefined,
        async save(state) {
          await store.save(state);
          await onSaved();
        },
        saveBest: store.saveModel,
        onStep,
        onValidation,
        now: () => performance.now(),
      };
      const state = await train(plan, ports, start, signal);
      if (state.ended && state.best === undefined) await store.saveModel(state);
      return state;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** transformers would train with the dropouts of config.json. OpenAI's code has none (paper, section 3.3). */
function sayDropout({ checkpoint: { name }, say }: TrainingInput, { dropout }: ConfigFile): void {
  if (dropout > 0) {
    say(
      `dropout is off, as in OpenAI's training: resid_pdrop, embd_pdrop and attn_pdrop of ${name} (${dropout}) are not used`,
    );
  }
}

/** The class head that trains; undefined when none does. */
function headOf(
  { choices, checkpoint, dataSet, say }: TrainingInput,
  { train: rows }: Split,
  { problem }: ConfigFile,
): ClassHead | undefined {
  const { objective, newHead } = choices;
  const { name, probe, weights } = checkpoint;
  const classes = weights.score === undefined ? undefined : checkpoint.scoreLabels;
  if (objective === 'joint') {
    const head = chooseHead(requireLabels(dataSet), rows, newHead ? undefined : classes);
    if (head.names === undefined) requireSoftmax(name, problem, classes?.length ?? 0);
    if (probe !== undefined && !newHead) {
      const trained = head.names === undefined ? 'its score.weight' : 'a new class head';
      say(`the probe of ${name} is left out: ${trained} is trained`);
    }
    return head;
  }
  if (classes !== undefined || probe !== undefined) {
    say(
      `--objective ${objective} does not train the class head of ${name}: score.weight stays, a probe is left out; fit one with igpt probe, or train with --objective joint`,
    );
  }
  return undefined;
}

/** The class loss is a cross-entropy: a picture has one class. */
function requireSoftmax(name: string, problem: ProblemType | undefined, classes: number): void {
  const reading = classReading(problem, classes);
  if ('function' in reading && reading.function === 'softmax') return;
  throw new UsageError(
    `the class head of ${name} is for ${problem ?? 'one label'}, but igpt train trains heads of which one class applies; add --new-head to replace it`,
  );
}

/** Masks [N, n] of all pictures, or `drawn` anew at each step. */
async function masksOf(
  path: string | undefined,
  { size, tokensPerPicture: n }: DataSet,
): Promise<'drawn' | Uint8Array> {
  if (path === undefined) return 'drawn';
  await using rows = await openTokenRows(path, { columns: n, below: 2, what: 'mask value' });
  if (rows.rows !== size) {
    throw new DataSetError('masks_mismatch', `${path}: expected ${size} masks, one per picture, received ${rows.rows}`);
  }
  const masks = Uint8Array.from(await rows.read(0, size));
  const unmasked = unmaskedPicture(masks, n);
  if (unmasked !== undefined) {
    throw new DataSetError(
      'masks_mismatch',
      `${path}: expected a masked token in every row, but row ${unmasked} masks none, so its picture has no loss; mask one, or leave out --mask`,
    );
  }
  return masks;
}

async function openSession(
  { choices, checkpoint, objective }: TrainingInput,
  head: ClassHead | undefined,
): Promise<TrainingSession> {
  await using start = await startingWeights(checkpoint, objective);
  const { optimizer: kind, weightDecay, clip, headLayer, microBatch, recompute, threads } = choices;
  return await openTrainingSession(
    { weights: start.weights, config: { ...checkpoint.config, objective } },
    {
      read: start.read,
      loss: head === undefined ? 'generative' : 'joint',
      optimizer: { kind, weightDecay, clip },
      classes: head?.names?.length,
      headLayer,
      microBatch,
      recompute,
      threads,
    },
  );
}

/** How the trained model is written. A new head starts at zero; a head on a layer below the last is saved as a probe. */
async function modelFilesOf(
  { choices: { headLayer }, checkpoint, objective, dataSet, shares }: TrainingInput,
  { parameters }: TrainingSession,
  head: ClassHead | undefined,
): Promise<{ innerHead: InnerHead | undefined; files: Awaited<ReturnType<typeof createModelFiles>> }> {
  const { n_layer } = checkpoint.config;
  const headWeight = parameters.find(({ name }) => /(^|\/)(score\.weight|wclf)$/.test(name));
  // A head with as many classes as the model's would start with the model's weights.
  if (head?.names !== undefined) headWeight?.data.fill(0);
  const labels = head && (head.names ?? checkpoint.scoreLabels);
  const innerHead =
    labels !== undefined && headWeight !== undefined && headLayer !== undefined && headLayer < n_layer
      ? { name: headWeight.name, layer: headLayer, labels }
      : undefined;
  const files = await createModelFiles(checkpoint, parameters, {
    objective,
    // A trained head reads the tokens behind SOS (train-plan.ts); another keeps its input.
    input: head === undefined ? checkpoint.config.input : 'sos',
    head: head && (innerHead === undefined ? 'score' : 'probe'),
    classes: head?.names,
    innerHead,
    records: [...(await weightsTrainedOn(checkpoint)), trainingRecord('train', dataSet, shares)],
  });
  return { innerHead, files };
}

/** The choices that follow from the options and the data set. */
interface ResolvedChoices {
  plan: TrainPlan;
  split: Split;
  head: ClassHead | undefined;
  mask: 'drawn' | Uint8Array | undefined;
}

/** Everything that changes the result. A training resumes only with the same settings. */
async function settingsOf(
  { choices, checkpoint, objective, dataSet }: TrainingInput,
  { plan, split, head, mask }: ResolvedChoices,
): Promise<TrainingSettings> {
  const { peak, schedule, warmup, steps } = plan.learningRate;
  return {
    '--objective': choices.objective,
    '--model (its weights)': (await weightHashes(checkpoint)).join(' '),
    '--data (its tokens and labels)': dataHash(dataSet, mask instanceof Uint8Array ? [mask] : []),
    '--data (its parts)': `${split.train.length} to train on, ${split.validation.length} held out`,
    ...(changesLayout(checkpoint, objective) && { 'the layout of the model': 'OpenAI' }),
    ...(head && { '--data (its classes)': dataSet.classes.join(', ') }),
    '--validation-share': choices.validationShare,
    '--test-share': choices.testShare,
    '--split-seed': choices.splitSeed,
    '--steps': steps,
    '--batch': choices.batch,
    '--optimizer': choices.optimizer,
    '--lr': peak,
    '--schedule': schedule,
    '--warmup': warmup,
    '--weight-decay': choices.weightDecay,
    // 0 is off, as if the option were not given.
    '--clip': choices.clip || null,
    '--head-layer': choices.headLayer ?? null,
    '--new-head': choices.newHead,
    '--shuffle': choices.shuffle,
    '--augment': choices.augment,
    '--seed': choices.seed,
    '--validation': choices.validation,
    '--eval-every': plan.evalEvery,
    '--patience': choices.patience || null,
    '--best': choices.best,
    '--micro-batch': choices.microBatch ?? null,
    '--recompute': choices.recompute,
  };
}
