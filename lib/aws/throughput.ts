/** What one task runs on. */
export type Compute =
  | { kind: 'gpu'; family: 'g6' | 'g5' | 'g4dn' }
  /** Fargate, 4 vCPU and 8 GiB. */
  | { kind: 'cpu' };

/**
 * Peak in f32 outside tensor cores, GFLOP/s. Source: NVIDIA's data sheets of L4 (30.3 TFLOPS), A10G (31.2) and
 * T4 (8.1). Weights and sums are f32; what tensor cores add is not counted on, because no GPU was ever measured.
 */
const gpuPeak = { g6: 30_300, g5: 31_200, g4dn: 8100 };

/**
 * Matrix products of two cores with AVX-512, GFLOP/s: measured on our machine (README, "Speed"). Fargate's 4 vCPU are
 * two cores, of whatever kind.
 */
const cpuPeak = 345;

/** Share of the peak that the model gets, unless told otherwise. Assumed on GPUs; measured 0.77 on two cores, less for what Fargate gives. */
export const defaultUtilisation = { gpu: 0.3, cpu: 0.6 };

/** What a worker can hand to its model, pictures/s: its pipeline takes under 1 ms of CPU a picture, twice that is assumed. */
const mostPicturesPerSecond = 500;

/** Pictures/s of one task. `gflop`: of one picture, without what the causal mask hides. */
export function picturesPerSecond(compute: Compute, gflop: number, utilisation: number): number {
  const peak = compute.kind === 'cpu' ? cpuPeak : gpuPeak[compute.family];
  return Math.min((peak * utilisation) / gflop, mostPicturesPerSecond);
}
