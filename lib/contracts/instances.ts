/**
 * EC2 instance families with a GPU that the worker runs on.
 *
 * Sources: NVIDIA's data sheets of L4, A10G and T4; Amazon EC2 instance types.
 */
export const gpuFamilies = {
  g6: { gpu: 'L4', gpuMemoryGb: 24, peakGflops: 30_300, xlargeVcpus: 4 },
  g5: { gpu: 'A10G', gpuMemoryGb: 24, peakGflops: 31_200, xlargeVcpus: 4 },
  g4dn: { gpu: 'T4', gpuMemoryGb: 16, peakGflops: 8100, xlargeVcpus: 4 },
} as const satisfies Record<string, GpuFamilyFacts>;

interface GpuFamilyFacts {
  gpu: string;
  /** Memory of one GPU (GB). */
  gpuMemoryGb: number;
  /** f32 peak without tensor cores (GFLOP/s). Weights and sums are f32, and we measured no gain from tensor cores. */
  peakGflops: number;
  /** vCPUs of the size `xlarge`; an `Nxlarge` has N times as many. */
  xlargeVcpus: number;
}

export type GpuFamily = keyof typeof gpuFamilies;

/** Instance types with one GPU whose price is known. Linux on demand; lib/operate/prices.ts has region and date. */
export const gpuInstances = {
  'g6.xlarge': { family: 'g6', usdPerHour: 0.8048 },
  'g6.2xlarge': { family: 'g6', usdPerHour: 0.9776 },
  'g6.4xlarge': { family: 'g6', usdPerHour: 1.3232 },
  'g5.xlarge': { family: 'g5', usdPerHour: 1.006 },
  'g5.2xlarge': { family: 'g5', usdPerHour: 1.212 },
  'g5.4xlarge': { family: 'g5', usdPerHour: 1.624 },
  'g4dn.xlarge': { family: 'g4dn', usdPerHour: 0.526 },
  'g4dn.2xlarge': { family: 'g4dn', usdPerHour: 0.752 },
  'g4dn.4xlarge': { family: 'g4dn', usdPerHour: 1.204 },
} as const satisfies Record<string, { family: GpuFamily; usdPerHour: number }>;

export type GpuInstance = keyof typeof gpuInstances;

/** Names of {@link gpuInstances}, in the same order: best family first, then cheapest size first. */
export const gpuInstanceNames = Object.keys(gpuInstances).filter(isGpuInstance);

/** True when the price of `type` is known. */
export function isGpuInstance(type: string): type is GpuInstance {
  return Object.hasOwn(gpuInstances, type);
}

/** Default instance types of a deployment, best first. */
export const defaultInstanceTypes = ['g6.xlarge', 'g5.xlarge', 'g4dn.xlarge'] as const satisfies GpuInstance[];

/** Family of an instance type such as `g6.2xlarge`; undefined for types that the worker does not run on. */
export function familyOf(type: string): GpuFamily | undefined {
  return sizeOf(type)?.family;
}

/** vCPUs of an instance type, 0 for types that the worker does not run on. */
export function vcpusOf(type: string): number {
  const size = sizeOf(type);
  return size === undefined ? 0 : gpuFamilies[size.family].xlargeVcpus * size.times;
}

function sizeOf(type: string): { family: GpuFamily; times: number } | undefined {
  const [, family = '', times = ''] = /^(\w+)\.(\d*)xlarge$/.exec(type) ?? [];
  return isFamily(family) ? { family, times: times === '' ? 1 : Number(times) } : undefined;
}

function isFamily(name: string): name is GpuFamily {
  return Object.hasOwn(gpuFamilies, name);
}

/** Size of a task on Fargate: enough for iGPT-S on four threads. */
export const fargateTask = { vcpus: 4, memoryGib: 8 };
