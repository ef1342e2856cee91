/** After the warm-up, `cosine` falls to 0 (pre-training) and `constant` stays at the peak (fine-tuning). */
export type Schedule = 'constant' | 'cosine';

export interface LearningRate {
  /** Learning rate at the end of the warm-up. */
  peak: number;
  schedule: Schedule;
  /** Steps of linear rise to the peak (0: none). */
  warmup: number;
  /** Steps of the whole training. */
  steps: number;
}

/**
 * Learning rate of a step; steps count from 1. The last step of the warm-up and the first step of the cosine have the
 * peak. The last step of the cosine is above 0, as in PyTorch's CosineAnnealingLR over the same number of steps.
 */
export function learningRateAt(step: number, { peak, schedule, warmup, steps }: LearningRate): number {
  if (step <= warmup) return (peak * step) / warmup;
  if (schedule === 'constant') return peak;
  return (peak * (1 + Math.cos((Math.PI * (step - 1 - warmup)) / (steps - warmup)))) / 2;
}
