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

// Regions of each family; all sizes of a family are in the same regions. Source: EC2's price lists as of 2026-10-20, in
// cfn-lint 1.58.0 (data/schemas/extensions/aws_ec2_instance/instancetype_enum.json). AWS adds regions, so igpt doctor asks
// EC2 itself.
const familyRegions: Readonly<Record<GpuFamily, string>> = {
  g6: 'ap-northeast-1 ap-northeast-2 ap-south-1 ap-south-2 ap-southeast-2 ap-southeast-5 ca-central-1 eu-central-1 eu-central-2 eu-north-1 eu-south-2 eu-west-2 eu-west-3 me-central-1 sa-east-1 us-east-1 us-east-2 us-gov-east-1 us-gov-west-1 us-west-2',
  g5: 'ap-east-1 ap-northeast-1 ap-northeast-2 ap-south-1 ap-southeast-2 ap-southeast-3 ca-central-1 cn-north-1 cn-northwest-1 eu-central-1 eu-north-1 eu-south-2 eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 sa-east-1 us-east-1 us-east-2 us-west-2',
  g4dn: 'af-south-1 ap-east-1 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-southeast-1 ap-southeast-2 ca-central-1 cn-north-1 cn-northwest-1 eu-central-1 eu-north-1 eu-south-1 eu-west-1 eu-west-2 eu-west-3 me-south-1 sa-east-1 us-east-1 us-east-2 us-gov-east-1 us-gov-west-1 us-west-1 us-west-2',
};

/** Regions whose price lists have none of the families. Any other unlisted region is unknown. */
const regionsWithoutGpu = 'ap-east-2 ap-southeast-4 ap-southeast-6 ap-southeast-7 ca-west-1 mx-central-1';

/** Whether a region has instances of this type: true or false; undefined for a region that the table does not know. */
export function isOffered(type: string, region: string): boolean | undefined {
  const knows = (list: string): boolean => list.split(' ').includes(region);
  const family = familyOf(type);
  if (family !== undefined && knows(familyRegions[family])) return true;
  return [...Object.values(familyRegions), regionsWithoutGpu].some(knows) ? false : undefined;
}

/** Default instance types of a deployment, best first. */
export const defaultInstanceTypes = ['g6.xlarge', 'g5.xlarge', 'g4dn.xlarge'] as const satisfies GpuInstance[];

/** Those of {@link defaultInstanceTypes} that a region has; all of them if the region is unknown. */
export function defaultInstanceTypesIn(region: string | undefined): GpuInstance[] {
  return defaultInstanceTypes.filter((type) => region === undefined || isOffered(type, region) !== false);
}

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

/** Disk of an instance: room for the system, the image (about 6 GB unpacked) and a model of up to 6 GB (GiB). */
export const instanceDiskGib = 60;

/** Size of a task on Fargate: enough for iGPT-S on four threads. */
export const fargateTask = { vcpus: 4, memoryGib: 8 };
