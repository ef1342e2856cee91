import { TrainingError } from './error.ts';

/** Number of latest steps that a new loss is compared with. */
const windowSteps = 100;

/** With fewer steps the mean is too noisy. */
const leastSteps = 20;

/** A leap must also exceed this many standard deviations: the loss of a small batch varies by itself. */
const leapDeviations = 8;

export interface LossWatch {
  /** @throws TrainingError `training_diverged` */
  check(step: number, losses: { loss: number; gradientNorm: number }): void;
  /** Losses of the latest steps, to save with a checkpoint. */
  readonly recent: readonly number[];
}

/**
 * Stops a training that diverges: at a loss or gradient norm that is not finite, and at a loss that leaps above the
 * latest ones.
 *
 * @param leap nats above the mean (Infinity: never stop)
 * @param recent {@link LossWatch.recent} of the checkpoint where the training continues
 */
export function createLossWatch(leap: number, recent: readonly number[] = []): LossWatch {
  const window = [...recent];
  return {
    recent: window,
    check(step, { loss, gradientNorm }) {
      if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) {
        throw diverged(step, `loss ${loss}, gradient norm ${gradientNorm}`);
      }
      if (window.length >= leastSteps) {
        const mean = window.reduce((sum, value) => sum + value, 0) / window.length;
        const variance = window.reduce((sum, value) => sum + (value - mean) ** 2, 0) / window.length;
        if (loss > mean + Math.max(leap, leapDeviations * Math.sqrt(variance))) {
          throw diverged(
            step,
            `a loss of ${loss.toFixed(3)}, after a mean of ${mean.toFixed(3)} over ${window.length} steps`,
            ', or continue with a larger --leap',
          );
        }
      }
      window.push(loss);
      if (window.length > windowSteps) window.shift();
    },
  };
}

/** The error of a divergence; `further` is more advice. */
export function diverged(step: number, seen: string, further = ''): TrainingError {
  return new TrainingError(
    'training_diverged',
    `training diverged at step ${step}: ${seen}; the earlier checkpoints are valid: use one, or start over with a lower --lr, a longer --warmup or --clip 1${further}`,
  );
}
