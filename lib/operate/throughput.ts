import { type GpuFamily, gpuFamilies } from '../contracts/instances.ts';

/** What a task runs on. */
export type TaskCompute =
  | { kind: 'gpu'; family: GpuFamily }
  /** Fargate with 4 vCPU and 8 GiB. */
  | { kind: 'cpu' };

/** What a function runs on: its memory decides its share of vCPUs. */
interface FunctionCompute {
  kind: 'lambda';
  vcpus: number;
}

/**
 * Matrix products on two cores with AVX-512 (GFLOP/s): measured on our machine (docs/benchmarks.md). Fargate's 4 vCPU
 * are two cores of an unknown kind, and so are four of Lambda.
 */
const cpuPeak = 345;

/** vCPUs that share these two cores: each is a hyperthread. */
const peakVcpus = 4;

/** Default of the utilisation. GPU: assumed. CPU: 0.77 measured on two cores, lowered for the slower cores of AWS. */
export const defaultUtilisation = { gpu: 0.3, cpu: 0.6, lambda: 0.6 };

/** Throughput of the pipeline around the model (pictures/s). It takes under 1 ms of CPU per picture; 2 ms are assumed. */
const maxPicturesPerSecond = 500;

/** Throughput of one task or function (pictures/s). */
export function picturesPerSecond(compute: TaskCompute | FunctionCompute, gflop: number, utilisation: number): number {
  return Math.min((peakOf(compute) * utilisation) / gflop, maxPicturesPerSecond);
}

/** GFLOP/s. */
function peakOf(compute: TaskCompute | FunctionCompute): number {
  switch (compute.kind) {
    case 'gpu':
      return gpuFamilies[compute.family].peakGflops;
    case 'cpu':
      return cpuPeak;
    case 'lambda':
      return (cpuPeak * compute.vcpus) / peakVcpus;
  }
}
