/** `cosine` falls to 0 after the warm-up, as in pre-training; `constant` stays at the peak, as in fine-tuning. */
export const schedules = ['constant', 'cosine'] as const;

export type Schedule = (typeof schedules)[number];

export interface LearningRate {
  /** Learning rate at the end of the warm-up. */
  peak: number;
  schedule: Schedule;
  /** Steps of linear rise (0: no warm-up). */
  warmup: number;
  /** Steps of the whole training. */
  steps: number;
}

/**
 * Learning rate of a step, counted from 1. The last step of the warm-up and the first step of the cosine both have the
 * peak. The cosine's last step is above 0, as in PyTorch's CosineAnnealingLR over the same number of steps.
 */
export function learningRateAt(step: number, { peak, schedule, warmup, steps }: LearningRate): number {
  if (step <= warmup) return (peak * step) / warmup;
  if (schedule === 'constant') return peak;
  return (peak * (1 + Math.cos((Math.PI * (step - 1 - warmup)) / (steps - warmup)))) / 2;
}
