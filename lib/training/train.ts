import type { TrainingBatch } from '../runtime/training-batch.ts';
import type { Losses, TrainingSession } from '../runtime/training-session.ts';
import { likeliestClasses } from './evaluation/scores.ts';
import { type LearningRate, learningRateAt } from './learning-rate.ts';
import { createLossWatch, diverged } from './loss-watch.ts';

/** What a validation is judged by. */
export type Criterion = 'loss' | 'accuracy';

export interface TrainPlan {
  /** Its `steps` are the run's. */
  learningRate: LearningRate;
  /** Steps between two validations; one follows the last step too. */
  evalEvery: number;
  /** Steps between two checkpoints; one follows the last step too. */
  saveEvery: number;
  /** Validations in a row that may bring nothing better; Infinity: all. */
  patience: number;
  bestBy: Criterion;
  /** Nats that the loss may leap (see {@link createLossWatch}). */
  leap: number;
}

/** All that has to be known, beside weights and moments, to go on as if nothing had happened. */
export interface TrainState {
  /** Steps done. */
  step: number;
  /** Of the last steps, oldest first. */
  losses: readonly number[];
  /** The validation that was best, and its step. */
  best?: { step: number; validation: Validation };
  /** Validations since the best one. */
  sinceBest: number;
  /** No step is left, or early stopping ended the run. */
  ended: boolean;
}

export interface StepRecord extends Losses {
  step: number;
  learningRate: number;
  gradientNorm: number;
  /** Of the step, with what came before it. */
  seconds: number;
}

/** What training works with and tells. */
export interface TrainPorts {
  session: Pick<TrainingSession, 'step' | 'parameters'>;
  /** Asked for while the step before runs in its threads: a step never waits for its pictures. */
  batchOf(step: number): Promise<TrainingBatch>;
  /** Absent: nothing is held out, and there is no best. */
  validate?: () => Promise<Validation>;
  /** Keeps weights, moments and state. */
  save(state: TrainState): Promise<void>;
  /** The weights are now the best. */
  saveBest(state: TrainState): Promise<void>;
  onStep(record: StepRecord): void;
  onValidation(step: number, validation: Validation, best: boolean): Promise<void>;
  /** Milliseconds. */
  now(): number;
}

export const NEW_RUN: TrainState = { step: 0, losses: [], sinceBest: 0, ended: false };

/**
 * Trains from `start` to the end of the plan, to early stopping, or until `signal` is aborted: then it finishes the
 * step, keeps a checkpoint and returns. Nothing that comes of a step depends on where a run was left and taken up.
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
  const watch = createLossWatch(plan.leap, start.losses);
  let state = start;
  let saved = start.step;
  let ahead: Promise<TrainingBatch> | undefined;
  while (!state.ended && !signal.aborted) {
    const began = ports.now();
    const step = state.step + 1;
    const batch = await (ahead ?? ports.batchOf(step));
    const learningRate = learningRateAt(step, plan.learningRate);
    const running = session.step(batch, { step, learningRate });
    ahead = step < steps ? ports.batchOf(step + 1) : undefined;
    // Looked at where it is needed.
    ahead?.catch(() => {});
    const result = await running;
    watch.check(step, result);
    ports.onStep({ ...result, step, learningRate, seconds: (ports.now() - began) / 1000 });
    state = { ...state, step, losses: [...watch.recent], ended: step === steps };

    if (ports.validate !== undefined && (step % plan.evalEvery === 0 || step === steps)) {
      state = await judged(state, await ports.validate());
    }
    if (state.ended || step % plan.saveEvery === 0) {
      await save(state);
      saved = step;
    }
  }
  if (state.step > saved) await save(state);
  return state;

  async function judged(now: TrainState, validation: Validation): Promise<TrainState> {
    if (!Number.isFinite(validation.loss)) throw diverged(now.step, `validation loss ${validation.loss}`);
    const better = now.best === undefined || isBetter(validation, now.best.validation, plan.bestBy);
    await ports.onValidation(now.step, validation, better);
    if (!better) {
      const sinceBest = now.sinceBest + 1;
      return { ...now, sinceBest, ended: now.ended || sinceBest >= plan.patience };
    }
    const next = { ...now, best: { step: now.step, validation }, sinceBest: 0 };
    refuseNonFinite(next.step);
    await ports.saveBest(next);
    return next;
  }

  async function save(now: TrainState): Promise<void> {
    refuseNonFinite(now.step);
    await ports.save(now);
  }

  /** The update that follows a finite loss and gradient may still have overflowed. */
  function refuseNonFinite(step: number): void {
    const spoiled = session.parameters.find(({ data }) => !data.every(Number.isFinite));
    if (spoiled !== undefined) throw diverged(step, `${spoiled.name} holds numbers that are not finite`);
  }
}

function isBetter(a: Validation, b: Validation, by: Criterion): boolean {
  return by === 'loss' ? a.loss < b.loss : (a.accuracy ?? 0) > (b.accuracy ?? 0);
}

export interface Validation extends Losses {
  /** Share of the pictures whose likeliest class is right; with a class loss. */
  accuracy?: number;
}

/** Mean losses over held-out pictures, read in batches of any sizes. */
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
    // All pictures have as many tokens, so that means of batches weigh by either.
    const weight = batch.tokens.length;
    tokens += weight;
    if (generative !== undefined) sums.generative = (sums.generative ?? 0) + weight * generative;
    if (classification !== undefined) sums.classification = (sums.classification ?? 0) + weight * classification;
    const { labels } = batch;
    if (classLogits !== undefined && labels !== undefined) {
      pictures += labels.length;
      right += likeliestClasses(classLogits, labels.length).filter((said, i) => said === labels[i]).length;
    }
  }
  const { generative, classification } = sums;
  return {
    loss: ((generative ?? 0) + (classification ?? 0)) / tokens,
    ...(generative !== undefined && { generative: generative / tokens }),
    ...(classification !== undefined && { classification: classification / tokens, accuracy: right / pictures }),
  };
}
