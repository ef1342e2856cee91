import { TrainingError } from './error.ts';

/** Steps whose losses a new one is held to. */
const WINDOW = 100;

/** Before so many steps a mean says too little. */
const LEAST = 20;

/** A batch of few pictures strays by itself: what counts as a leap is also beyond this many standard deviations. */
const DEVIATIONS = 8;

export interface LossWatch {
  /** @throws TrainingError `training_diverged` */
  check(step: number, losses: { loss: number; gradientNorm: number }): void;
  /** Losses of the last steps, to be kept beside a checkpoint. */
  readonly recent: readonly number[];
}

/**
 * Stops a run that diverges: at numbers that are none, and at a loss that leaps above those of the last steps.
 *
 * @param leap nats above the mean; Infinity: never
 * @param recent what {@link LossWatch.recent} was when the run was left
 */
export function createLossWatch(leap: number, recent: readonly number[] = []): LossWatch {
  const window = [...recent];
  return {
    recent: window,
    check(step, { loss, gradientNorm }) {
      if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) {
        throw diverged(step, `loss ${loss}, gradient norm ${gradientNorm}`);
      }
      if (window.length >= LEAST) {
        const mean = window.reduce((sum, value) => sum + value, 0) / window.length;
        const variance = window.reduce((sum, value) => sum + (value - mean) ** 2, 0) / window.length;
        if (loss > mean + Math.max(leap, DEVIATIONS * Math.sqrt(variance))) {
          throw diverged(
            step,
            `a loss of ${loss.toFixed(3)}, after a mean of ${mean.toFixed(3)} over ${window.length} steps`,
            ', or go on with a larger --leap',
          );
        }
      }
      window.push(loss);
      if (window.length > WINDOW) window.shift();
    },
  };
}

/** Says what was seen, and what helps; `further` more than that. */
export function diverged(step: number, seen: string, further = ''): TrainingError {
  return new TrainingError(
    'training_diverged',
    `training diverged at step ${step}: ${seen}; the checkpoints before it are whole: use one, or start anew with a lower --lr, a longer --warmup or --clip 1${further}`,
  );
}
