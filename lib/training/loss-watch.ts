import { TrainingError } from './error.ts';

/** A new loss is compared with the losses of this many last steps. */
const windowSteps = 100;

/** With fewer steps than this the mean is too noisy to compare with. */
const minSteps = 20;

/** A leap is also more than this many standard deviations above the mean: losses of small batches vary by themselves. */
const leapDeviations = 8;

export interface LossWatch {
  /** @throws TrainingError `training_diverged` */
  check(step: number, losses: { loss: number; gradientNorm: number }): void;
  /** Losses of the last steps; saved with a checkpoint. */
  readonly recent: readonly number[];
}

/**
 * Stops a training that diverges: on a loss or gradient that is not finite, and on a loss far above the last steps.
 *
 * @param leap allowed distance above the mean (nats; Infinity: any)
 * @param recent {@link LossWatch.recent} of the checkpoint that the training resumes from
 */
export function createLossWatch(leap: number, recent: readonly number[] = []): LossWatch {
  const window = [...recent];
  return {
    recent: window,
    check(step, { loss, gradientNorm }) {
      if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) {
        throw diverged(step, `loss ${loss}, gradient norm ${gradientNorm}`);
      }
      if (window.length >= minSteps) {
        const mean = window.reduce((sum, value) => sum + value, 0) / window.length;
        const variance = window.reduce((sum, value) => sum + (value - mean) ** 2, 0) / window.length;
        if (loss > mean + Math.max(leap, leapDeviations * Math.sqrt(variance))) {
          throw diverged(
            step,
            `a loss of ${loss.toFixed(3)}, after a mean of ${mean.toFixed(3)} over ${window.length} steps`,
            ', or resume with a larger --leap',
          );
        }
      }
      window.push(loss);
      if (window.length > windowSteps) window.shift();
    },
  };
}

/**
 * The error of a training that diverged at `step`.
 *
 * @param seen the numbers that show it
 * @param advice further advice, after the usual one
 */
export function diverged(step: number, seen: string, advice = ''): TrainingError {
  return new TrainingError(
    'training_diverged',
    `training diverged at step ${step}: ${seen}; earlier checkpoints are intact: use one of them, or start again with a lower --lr, a longer --warmup or --clip 1${advice}`,
  );
}
