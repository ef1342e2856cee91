import { TrainingError } from './error.ts';

/** A new loss is compared with the losses of this many last steps. */
const windowSteps = 100;

/** With fewer steps than this the mean is too noisy to compare with: a loss is compared with the first one. */
const minSteps = 20;

/** A leap is also more than this many standard deviations above the mean: losses of small batches vary by themselves. */
const leapDeviations = 8;

/** In the first steps, a leap is also more than this many times the first loss. */
const leapFactor = 3;

export interface LossWatch {
  /**
   * @param saved step of the last checkpoint (default 0: none yet)
   * @throws TrainingError `training_diverged`
   */
  check(step: number, losses: { loss: number; gradientNorm: number }, saved?: number): void;
  /** Losses of the last steps; saved with a checkpoint. */
  readonly recent: readonly number[];
}

/**
 * Stops a training that diverges: on a loss or gradient that is not finite, and on a loss far above the last steps, or in
 * the first steps far above the first loss.
 *
 * @param leap allowed distance above the mean, or above the first loss (nats; 0: any)
 * @param floor a loss up to this is no leap in the first steps, nor later if losses like it were usual there (nats)
 * @param recent {@link LossWatch.recent} of the checkpoint that the training resumes from
 */
export function createLossWatch(leap: number, floor = 0, recent: readonly number[] = []): LossWatch {
  const window = [...recent];
  return {
    recent: window,
    check(step, { loss, gradientNorm }, saved = 0) {
      if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) {
        throw diverged(step, `loss ${loss}, gradient norm ${gradientNorm}`, saved);
      }
      const [first = loss] = window;
      const { limit, seen } =
        window.length < minSteps
          ? {
              limit: Math.max(first + leap, first * leapFactor, floor),
              seen: `${first.toFixed(3)} at step ${step - window.length}`,
            }
          : laterLimit(window, step - window.length, leap, floor);
      if (leap > 0 && loss > limit) {
        const again = saved === 0 ? ' or a larger --leap' : ', or resume with a larger --leap';
        throw diverged(step, `a loss of ${loss.toFixed(3)}, after ${seen}`, saved, again);
      }
      window.push(loss);
      if (window.length > windowSteps) window.shift();
    },
  };
}

/**
 * The limit after the first steps: that of the usual losses. With small batches, high losses of the first steps may be
 * pictures of another kind, which come again: up to `floor`, all losses count.
 */
function laterLimit(window: readonly number[], from: number, leap: number, floor: number): Limit {
  const usual = limitOf(usualLosses(window, from, leap), leap);
  return { ...usual, limit: Math.max(usual.limit, Math.min(limitOf(window, leap).limit, floor)) };
}

interface Limit {
  /** Largest loss that is no leap (nats). */
  limit: number;
  /** The words for what it is compared with. */
  seen: string;
}

function limitOf(losses: readonly number[], leap: number): Limit {
  const mean = losses.reduce((sum, value) => sum + value, 0) / losses.length;
  const variance = losses.reduce((sum, value) => sum + (value - mean) ** 2, 0) / losses.length;
  return {
    limit: mean + Math.max(leap, leapDeviations * Math.sqrt(variance)),
    seen: `a mean of ${mean.toFixed(3)} over ${losses.length} steps`,
  };
}

/** Standard deviations in the median distance from the median, of normally distributed numbers. */
const deviationsInMedian = 1.4826;

/**
 * `window` without the leaps of the first steps, which were compared with the first loss only: in the mean and the
 * standard deviation, a single one would hide all leaps after it. What the later half of the window returned from is a
 * leap; its median does not move with a few others.
 *
 * @param from the step of the first loss in `window`
 */
function usualLosses(window: readonly number[], from: number, leap: number): number[] {
  const later = window.slice(-Math.ceil(window.length / 2));
  const center = median(later);
  const deviation = deviationsInMedian * median(later.map((loss) => Math.abs(loss - center)));
  const limit = center + Math.max(leap, leapDeviations * deviation);
  return window.filter((loss, i) => loss <= limit || from + i > minSteps);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/**
 * The error of a training that diverged at `step`.
 *
 * @param seen the numbers that show it
 * @param saved step of the last checkpoint; 0 without one
 * @param advice further advice, after the usual one
 */
export function diverged(step: number, seen: string, saved: number, advice = ''): TrainingError {
  const gentler = 'start again with a lower --lr, a longer --warmup or --clip 1';
  const what =
    saved === 0
      ? `no checkpoint was saved yet: ${gentler}`
      : `earlier checkpoints are intact: use one of them, or ${gentler}`;
  return new TrainingError('training_diverged', `training diverged at step ${step}: ${seen}; ${what}${advice}`);
}
