/** `cosine` falls to 0 over the steps after the warm-up, as in pre-training; `constant` stays, as in fine-tuning. */
export type Schedule = 'constant' | 'cosine';

export interface LearningRate {
  /** Reached at the end of the warm-up. */
  peak: number;
  schedule: Schedule;
  /** Steps of linear rise. 0: none. */
  warmup: number;
  /** Of the whole run. */
  steps: number;
}

/**
 * Learning rate of a step; steps count from 1. The warm-up reaches the peak with its last step. The cosine's first step
 * has the peak too, and its last one is above 0: PyTorch's CosineAnnealingLR over as many steps.
 */
export function learningRateAt(step: number, { peak, schedule, warmup, steps }: LearningRate): number {
  if (step <= warmup) return (peak * step) / warmup;
  if (schedule === 'constant') return peak;
  return (peak * (1 + Math.cos((Math.PI * (step - 1 - warmup)) / (steps - warmup)))) / 2;
}
