import type { Command } from 'commander';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { DEFAULT_LR, DEFAULT_SAVE_EVERY, type TrainFlags } from '../cli/options/train-options.ts';
import { UsageError } from '../ports/error.ts';
import type { Objective } from '../ports/model.ts';
import { DataSetError } from './error.ts';
import type { LearningRate } from './learning-rate.ts';
import type { TrainPlan } from './train.ts';

/** The pictures that the flags name: a data set, or plain tokens. */
export function sourceOf({ data, tokens }: TrainFlags): { source: string; plain: boolean } {
  if ((data === undefined) === (tokens === undefined)) {
    throw new UsageError('expected --data DATA or --tokens x.npy, one of the two; see igpt train --help');
  }
  if (tokens !== undefined && !tokens.toLowerCase().endsWith('.npy')) {
    throw new UsageError(`--tokens ${tokens}: expected a name that ends in .npy`);
  }
  return { source: data ?? tokens ?? '', plain: tokens !== undefined };
}

/** What the model is trained to predict, after checks of the flags that go with some objectives only. */
export function objectiveOf(flags: TrainFlags, { config, weights, name }: Checkpoint): Objective {
  const objective = flags.objective === 'joint' ? config.objective : flags.objective;
  const joint = flags.objective === 'joint';
  if (!joint && (flags.headLayer !== undefined || flags.newHead || flags.best === 'accuracy')) {
    throw new UsageError('--head-layer, --new-head and --best accuracy go with --objective joint; leave them out');
  }
  if (flags.headLayer !== undefined && flags.headLayer > config.n_layer) {
    throw new UsageError(`--head-layer ${flags.headLayer}: expected 0 to ${config.n_layer}, the layers of ${name}`);
  }
  if (flags.mask !== undefined && objective !== 'bert') {
    throw new UsageError(`--mask goes with BERT; ${name} is trained autoregressively here: leave it out`);
  }
  if (flags.mask !== undefined && flags.augment) {
    throw new UsageError('--mask marks tokens of pictures as they are; add --no-augment');
  }
  if (objective === 'ar' && weights.layout === 'openai' && weights.sos === undefined) {
    throw new UsageError(`${name} is a BERT model without a start token; expected --objective bert or joint`);
  }
  if (joint && flags.labels === undefined && flags.tokens !== undefined) {
    throw new UsageError('--objective joint with --tokens needs --labels y.npy');
  }
  return objective;
}

/** Shares are 0 for plain tokens, unless the command line says otherwise. */
export function sharesOf(
  flags: TrainFlags,
  plain: boolean,
  command: Command,
): { validation: number; test: number; seed: number } {
  const share = (name: 'validationShare' | 'testShare') =>
    plain && command.getOptionValueSource(name) !== 'cli' ? 0 : flags[name];
  return { validation: share('validationShare'), test: share('testShare'), seed: flags.splitSeed };
}

/**
 * Refuses a choice that nothing can be judged by.
 *
 * @param pictures that are held out
 * @throws DataSetError `held_out_empty`
 */
export function checkHeldOut({ patience, best }: TrainFlags, pictures: number, name: string): void {
  if (pictures > 0 || (patience === undefined && best === 'loss')) return;
  throw new DataSetError(
    'held_out_empty',
    `no pictures of ${name} are held out, which --patience and --best accuracy judge by; give more pictures, or a larger --validation-share or --validation`,
  );
}

/** @param pictures to train on */
export function planOf(flags: TrainFlags, pictures: number, command: Command): TrainPlan {
  const { batch, objective, warmup } = flags;
  if (flags.steps !== undefined && command.getOptionValueSource('epochs') === 'cli') {
    throw new UsageError('expected --steps or --epochs, got both; leave one out');
  }
  const epoch = Math.ceil(pictures / batch);
  const steps = flags.steps ?? Math.max(1, Math.ceil((flags.epochs * pictures) / batch));
  if (warmup > steps) {
    throw new UsageError(`--warmup ${warmup}: expected at most the ${steps} steps of the run`);
  }
  const learningRate: LearningRate = {
    peak: flags.lr ?? DEFAULT_LR[objective],
    schedule: flags.schedule ?? (objective === 'joint' || flags.tokens !== undefined ? 'constant' : 'cosine'),
    warmup,
    steps,
  };
  return {
    learningRate,
    evalEvery: flags.evalEvery ?? epoch,
    saveEvery: flags.saveEvery ?? Math.min(epoch, DEFAULT_SAVE_EVERY),
    patience: flags.patience ?? Number.POSITIVE_INFINITY,
    bestBy: flags.best,
    leap: flags.leap,
  };
}
