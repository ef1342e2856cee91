import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { UsageError } from '../ports/error.ts';
import type { ClassInput, Objective } from '../ports/model.ts';
import { DataSetError } from './error.ts';
import type { LearningRate, Schedule } from './learning-rate.ts';
import type { Criterion, TrainPlan } from './train.ts';

/** `joint`: the model's own objective plus the class loss, to fine-tune it (paper, section 3). */
export type TrainObjective = 'ar' | 'bert' | 'joint';

/** A training in the words of `igpt train`: each field is the option of that name. */
export interface TrainChoices {
  objective: TrainObjective;
  data?: string | undefined;
  tokens?: string | undefined;
  labels?: string | undefined;
  mask?: string | undefined;
  steps?: number | undefined;
  epochs: number;
  batch: number;
  optimizer: 'adam' | 'adamw';
  lr?: number | undefined;
  schedule?: Schedule | undefined;
  warmup: number;
  weightDecay: number;
  clip?: number | undefined;
  headLayer?: number | undefined;
  input?: ClassInput | undefined;
  newHead: boolean;
  shuffle: boolean;
  augment: boolean;
  seed: number;
  validationShare: number;
  testShare: number;
  splitSeed: number;
  validation: number;
  evalEvery?: number | undefined;
  saveEvery?: number | undefined;
  patience?: number | undefined;
  best: Criterion;
  leap: number;
  microBatch?: number | undefined;
  recompute: boolean;
  threads: number;
}

/** Peaks of the learning rate: the paper's order of magnitude, and a tenth of it to fine-tune (section 4). */
export const defaultLearningRate: Readonly<Record<TrainObjective, number>> = { ar: 1e-3, bert: 1e-3, joint: 1e-4 };

/** Most steps between two checkpoints, unless chosen. */
export const defaultSaveEvery = 500;

/** Where the pictures come from: a data set, or `plain` tokens that all train. */
export function sourceOf({ data, tokens }: TrainChoices): { source: string; plain: boolean } {
  if ((data === undefined) === (tokens === undefined)) {
    const received = data === undefined ? 'neither' : 'both';
    throw new UsageError(`expected --data DATA or --tokens x.npy, received ${received}; see igpt train --help`);
  }
  if (tokens !== undefined && !tokens.toLowerCase().endsWith('.npy')) {
    throw new UsageError(`--tokens ${tokens}: expected a name that ends in .npy`);
  }
  return { source: data ?? tokens ?? '', plain: tokens !== undefined };
}

/**
 * What the model learns to predict.
 *
 * @throws UsageError for options that do not go with the objective
 */
export function objectiveOf(choices: TrainChoices, checkpoint: Checkpoint): Objective {
  const { config, weights, name } = checkpoint;
  const { headLayer, newHead, best, mask, augment, labels, tokens } = choices;
  const joint = choices.objective === 'joint';
  const objective = choices.objective === 'joint' ? config.objective : choices.objective;
  if (!joint && (headLayer !== undefined || newHead || best === 'accuracy')) {
    throw new UsageError('--head-layer, --new-head and --best accuracy go with --objective joint; leave them out');
  }
  refusePlainTokens(choices, checkpoint);
  if (headLayer !== undefined && headLayer > config.n_layer) {
    throw new UsageError(`--head-layer ${headLayer}: expected 0 to ${config.n_layer}, the layers of ${name}`);
  }
  if (mask !== undefined && objective !== 'bert') {
    throw new UsageError(`--mask goes with BERT, but ${name} trains autoregressively here; leave it out`);
  }
  if (mask !== undefined && augment) {
    throw new UsageError('--mask marks tokens of unchanged pictures; add --no-augment');
  }
  if (objective === 'ar' && weights.layout === 'openai' && weights.sos === undefined) {
    throw new UsageError(`${name} is a BERT model without a start token; expected --objective bert or joint`);
  }
  if (joint && labels === undefined && tokens !== undefined) {
    throw new UsageError('--objective joint with --tokens needs --labels y.npy');
  }
  return objective;
}

/** Joint training computes both losses in one pass, so its class head reads the tokens behind SOS. */
function refusePlainTokens({ objective, input }: TrainChoices, { config, name, inputReason }: Checkpoint): void {
  if (objective !== 'joint') {
    if (input === undefined) return;
    throw new UsageError(
      '--input goes with --objective joint, which trains the class head; leave it out: the head keeps its input',
    );
  }
  if (config.objective === 'bert') {
    if (input === undefined) return;
    throw new UsageError(`--input ${input}: ${name} is a BERT model, which has no start token; leave it out`);
  }
  if ((input ?? config.input) !== 'plain') return;
  const why = input === undefined ? `${name} classifies plain tokens (${inputReason ?? 'its own'})` : '--input plain';
  throw new UsageError(
    `${why}: expected tokens behind SOS, because --objective joint computes the class loss and the likelihood in one pass; add --input sos, and the trained model classifies behind SOS, or fine-tune it with transformers`,
  );
}

/**
 * Refuses early stopping and a choice of the best model when nothing is held out to measure.
 *
 * @param pictures how many are held out
 * @throws DataSetError `held_out_empty`
 */
export function checkHeldOut({ patience, best }: TrainChoices, pictures: number, name: string): void {
  if (pictures > 0 || (!patience && best === 'loss')) return;
  throw new DataSetError(
    'held_out_empty',
    `expected held-out pictures for --patience and --best accuracy, but no pictures of ${name} are held out; give more pictures, or a larger --validation-share or --validation`,
  );
}

/** The loss of fewer pictures than this says little about the loss of others: some pictures are plain, some are not. */
const tellingBatch = 8;

/**
 * @param pictures how many train
 * @param colors of the palette
 */
export function planOf(choices: TrainChoices, pictures: number, colors: number): TrainPlan {
  const { batch, objective, warmup, tokens, epochs } = choices;
  const epoch = Math.ceil(pictures / batch);
  const steps = choices.steps ?? Math.max(1, Math.ceil((epochs * pictures) / batch));
  if (warmup > steps) {
    throw new UsageError(`--warmup ${warmup}: expected at most ${steps}, the steps of this training`);
  }
  if (choices.patience && choices.evalEvery === 0) {
    throw new UsageError('--patience counts measurements, but --eval-every 0 makes one only: leave one of them out');
  }
  const learningRate: LearningRate = {
    peak: choices.lr ?? defaultLearningRate[objective],
    schedule: choices.schedule ?? (objective === 'joint' || tokens !== undefined ? 'constant' : 'cosine'),
    warmup,
    steps,
  };
  return {
    learningRate,
    evalEvery: choices.evalEvery ?? epoch,
    saveEvery: choices.saveEvery ?? Math.min(epoch, defaultSaveEvery),
    patience: choices.patience || Number.POSITIVE_INFINITY,
    bestBy: choices.best,
    leap: choices.leap,
    // Twice what guessing among the colours costs, and once more for the classes.
    leapFloor: batch < tellingBatch ? (objective === 'joint' ? 3 : 2) * Math.log(colors) : 0,
  };
}
