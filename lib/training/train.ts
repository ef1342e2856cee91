import type { TrainingBatch } from '../runtime/training-batch.ts';
import type { Losses, TrainingSession } from '../runtime/training-session.ts';
import { likeliestClasses } from './evaluation/scores.ts';
import { type LearningRate, learningRateAt } from './learning-rate.ts';
import { createLossWatch, diverged } from './loss-watch.ts';

/** The figure that decides which validation is the best. */
export type Criterion = 'loss' | 'accuracy';

export interface TrainPlan {
  /** Its `steps` are those of the training. */
  learningRate: LearningRate;
  /** Steps between two validations (0: none before the last step, which is always validated). */
  evalEvery: number;
  /** Steps between two checkpoints (0: none before the last step, which always has one). */
  saveEvery: number;
  /** Validations in a row without a better one before the training stops early (Infinity: never). */
  patience: number;
  bestBy: Criterion;
  /** Allowed leap of the loss (nats; see {@link createLossWatch}). */
  leap: number;
  /** A loss up to this is no leap in the first steps (nats). */
  leapFloor: number;
}

/** What has to be saved, beside weights and moments, to resume with identical results. */
export interface TrainState {
  /** Steps done. */
  step: number;
  /** Losses of the last steps, oldest first. */
  losses: readonly number[];
  /** The best validation and its step. Undefined before the first validation. */
  best?: { step: number; validation: Validation } | undefined;
  /** Validations since the best one. */
  sinceBest: number;
  /** The last step is done, or the training stopped early. */
  ended: boolean;
}

export interface StepRecord extends Losses {
  step: number;
  learningRate: number;
  gradientNorm: number;
  /** Duration of the step, including the wait for its batch. */
  seconds: number;
}

/** Mean losses on held-out pictures. */
export interface Validation extends Losses {
  /** Share of the pictures whose likeliest class is right. Undefined without a class loss. */
  accuracy?: number | undefined;
}

export interface TrainPorts {
  session: Pick<TrainingSession, 'step' | 'parameters'>;
  /** Called while the previous step is computed, so that no step waits for its pictures. */
  batchOf(step: number): Promise<TrainingBatch>;
  /** Default: nothing is held out, and no step is the best. */
  validate?: (() => Promise<Validation>) | undefined;
  /** Saves a checkpoint: weights, moments and state. */
  save(state: TrainState): Promise<void>;
  /** Saves the weights, which are the best so far. */
  saveBest(state: TrainState): Promise<void>;
  onStep(record: StepRecord): void;
  onValidation(step: number, validation: Validation, best: boolean): Promise<void>;
  /** Milliseconds. */
  now(): number;
}

/** State before the first step. */
export const newTraining: TrainState = { step: 0, losses: [], sinceBest: 0, ended: false };

/**
 * Trains from `start` until the last step, until early stopping, or until `signal` is aborted. On an abort it finishes
 * the step, saves a checkpoint and returns. Results do not depend on where a training was interrupted.
 *
 * @throws TrainingError `training_diverged`; what the ports throw
 */
export async function train(
  plan: TrainPlan,
  ports: TrainPorts,
  start: TrainState,
  signal: AbortSignal,
): Promise<TrainState> {
  const { session } = ports;
  const { steps } = plan.learningRate;
  /** Of no step if `every` is 0: the remainder is then no number. */
  const isDue = (step: number, every: number) => step === steps || step % every === 0;
  const watch = createLossWatch(plan.leap, plan.leapFloor, start.losses);
  let state = start;
  let saved = start.step;
  let ahead: Promise<TrainingBatch> | undefined;
  while (!state.ended && !signal.aborted) {
    const began = ports.now();
    const step = state.step + 1;
    const batch = await (ahead ?? ports.batchOf(step));
    const learningRate = learningRateAt(step, plan.learningRate);
    const computing = session.step(batch, { step, learningRate });
    ahead = step < steps ? ports.batchOf(step + 1) : undefined;
    // The next step awaits it and reports its error.
    ahead?.catch(() => {});
    const result = await computing;
    watch.check(step, result, saved);
    ports.onStep({ ...result, step, learningRate, seconds: (ports.now() - began) / 1000 });
    state = { ...state, step, losses: [...watch.recent], ended: step === steps };

    if (ports.validate !== undefined && isDue(step, plan.evalEvery)) {
      state = await judge(state, await ports.validate());
    }
    if (state.ended || isDue(step, plan.saveEvery)) {
      await save(state);
      saved = step;
    }
  }
  if (state.step > saved) await save(state);
  return state;

  /** Compares a validation with the best one, and saves the weights when it is better. */
  async function judge(now: TrainState, validation: Validation): Promise<TrainState> {
    if (!Number.isFinite(validation.loss)) throw diverged(now.step, `validation loss ${validation.loss}`, saved);
    const better = now.best === undefined || isBetter(validation, now.best.validation, plan.bestBy);
    await ports.onValidation(now.step, validation, better);
    if (!better) {
      const sinceBest = now.sinceBest + 1;
      return { ...now, sinceBest, ended: now.ended || sinceBest >= plan.patience };
    }
    const next = { ...now, best: { step: now.step, validation }, sinceBest: 0 };
    requireFiniteWeights(next.step);
    await ports.saveBest(next);
    return next;
  }

  async function save(now: TrainState): Promise<void> {
    requireFiniteWeights(now.step);
    await ports.save(now);
  }

  /** An update can overflow even when loss and gradient are finite. */
  function requireFiniteWeights(step: number): void {
    const spoiled = session.parameters.find(({ data }) => !data.every(Number.isFinite));
    if (spoiled !== undefined) throw diverged(step, `${spoiled.name} holds numbers that are not finite`, saved);
  }
}

function isBetter(a: Validation, b: Validation, by: Criterion): boolean {
  return by === 'loss' ? a.loss < b.loss : (a.accuracy ?? 0) > (b.accuracy ?? 0);
}

/** Mean losses over held-out pictures; batches may differ in size. */
export async function validate(
  session: Pick<TrainingSession, 'evaluate'>,
  batches: readonly TrainingBatch[],
): Promise<Validation> {
  let tokens = 0;
  let pictures = 0;
  let right = 0;
  const sums: { generative?: number; classification?: number } = {};
  for (const batch of batches) {
    const { generative, classification, classLogits } = await session.evaluate(batch);
    // Every picture has the same number of tokens, so weighting by tokens weights by pictures.
    const weight = batch.tokens.length;
    tokens += weight;
    if (generative !== undefined) sums.generative = (sums.generative ?? 0) + weight * generative;
    if (classification !== undefined) sums.classification = (sums.classification ?? 0) + weight * classification;
    const { labels } = batch;
    if (classLogits !== undefined && labels !== undefined) {
      pictures += labels.length;
      right += likeliestClasses(classLogits, labels.length).filter((predicted, i) => predicted === labels[i]).length;
    }
  }
  const { generative, classification } = sums;
  return {
    loss: ((generative ?? 0) + (classification ?? 0)) / tokens,
    ...(generative !== undefined && { generative: generative / tokens }),
    ...(classification !== undefined && { classification: classification / tokens, accuracy: right / pictures }),
  };
}
