import { scalingDefaults } from '../contracts/deployment-settings.ts';
import { fargateTask, type GpuFamily, type GpuInstance, gpuFamilies, gpuInstances } from '../contracts/instances.ts';
import { hoursInMonth, prices } from './prices.ts';

/** Pictures in a tokens message: 100 when many come at once, 3 when they trickle in. */
export type Fill = 100 | 30 | 3;

export interface CostQuestion {
  pictures: number;
  /** Of one picture, without what the causal mask hides. */
  gflop: number;
  /** Tokens of one picture, n. */
  tokens: number;
  /** Numbers in a feature vector; 0 without features. */
  features: number;
  /** GPU instance type, or Fargate. */
  compute: GpuInstance | 'cpu';
  /** Share of the peak that the model gets. */
  utilisation: number;
  fill: Fill;
  /** Of one file: its size in MB, and pixels in millions. */
  megabytes: number;
  megapixels: number;
}

/** One line of a bill, USD. */
export interface CostLine {
  stage: 'S3' | 'Lambda' | 'SQS' | 'SNS' | 'workers' | 'CloudWatch';
  what: string;
  quantity: number;
  unit: string;
  usd: number;
}

export interface CostEstimate {
  /** All but the workers. */
  lines: CostLine[];
  /** One of the two is paid, or a mix. */
  workers: { spot: CostLine; onDemand: CostLine };
  /** Of one task. */
  picturesPerSecond: number;
  tasks: number;
  /** From the first upload to the last outcome, hours. */
  hours: number;
  usd: { spot: number; onDemand: number };
  /** Every month, until the objects are deleted. */
  storage: CostLine[];
}

/** Requests at the tokens queue for 1,000 pictures, by fill: measured over the flows that are deployed. */
const tokensRequests: Record<Fill, number> = { 100: 19, 30: 50, 3: 461 };

/** Every 64 KiB of a request count as one. Source: Amazon SQS pricing. */
const sqsChunkBytes = 65_536;

/** Batches of S3, SQS and SNS calls hold ten. Sources: the services' developer guides, "Quotas". */
const batch = 10;

/** Pictures in one run of the function, and its memory. See cdk/constructs/preprocess.ts. */
const lambdaBatch = 100;
const lambdaGb = 3008 / 1024;

/**
 * Time that a picture adds to the function, seconds: reading and sending overlap with decoding. A megapixel of JPEG
 * takes 15 ms guarded on one core here, and two decoders share 1.7 of Lambda's.
 */
const lambdaSeconds = { each: 0.005, megapixel: 0.01 };

/** What an hour of Spot costs of an hour on demand: no list price, 0.3 to 0.6 are usual. */
export const spotShare = { gpu: 0.4, cpu: 0.3 };

/** A task is paid for longer than it works, minutes. `start`: until it works. `end`: until ECS ends an idle instance. */
const paidIdle = { gpu: { start: 5, end: 15 }, cpu: { start: 2, end: 0 } };

/** The last task waits so long for more. See emptyMinutes in cdk/constructs/scaling-steps.ts. */
const lastWaits = 10;

/** Of a GPU instance. See cdk/constructs/worker-service.ts. */
const diskGiB = 60;

/** Log text of a picture, both processes together: failures and summed metrics; successes are not logged one by one. */
const logBytes = 200;

/** Our own metrics that have data while work is done, both processes together. See lib/contracts/metrics.ts. */
const ownMetrics = 16;

/** What sending `pictures` through the deployed pipeline costs. Without free tiers. */
export function estimateCost(question: CostQuestion): CostEstimate {
  const { pictures, fill, megabytes } = question;
  const { s3, lambda, sqs, sns, cloudWatch } = prices;
  const pace = paceOf(question);
  const line = (stage: CostLine['stage'], what: string, quantity: number, unit: string, each: number): CostLine => ({
    ...{ stage, what, quantity, unit },
    usd: quantity * each,
  });

  const lines = [
    line('S3', 'put the pictures and their outcomes', 2 * pictures, 'requests', s3.put),
    line('S3', 'get each picture, look whether it is still there', 2 * pictures, 'requests', s3.get),
    line('Lambda', 'runs of preprocess', Math.ceil(pictures / lambdaBatch), 'requests', lambda.request),
    line('Lambda', 'time of preprocess', pictures * lambdaSecondsOf(question), 'GB-seconds', lambda.gbSecond),
    // S3 sends each notification by itself; receiving and deleting take ten at a time.
    line('SQS', 'uploads queue', pictures * (1 + 2 / batch), 'requests', sqs.request),
    line(
      'SQS',
      'tokens queue',
      (pictures * tokensRequests[fill]) / 1000 + tokensChunks(question),
      'requests',
      sqs.request,
    ),
    line('SQS', 'result-events queue and its consumer', pictures * (1 + 2 / batch), 'requests', sqs.request),
    line('SNS', 'result events', Math.ceil(pictures / batch), 'requests', sns.request),
    line('CloudWatch', 'logs', (pictures * logBytes) / 1e9, 'GB', cloudWatch.logsGb),
    line(
      'CloudWatch',
      'metrics',
      ownMetrics * Math.ceil(pace.hours),
      'metric-hours',
      cloudWatch.metricMonth / hoursInMonth,
    ),
  ];
  const hourly = hourlyUsd(question.compute);
  const workers = {
    spot: line('workers', 'tasks on Spot', pace.paidHours, 'hours', hourly.spot),
    onDemand: line('workers', 'tasks on demand', pace.paidHours, 'hours', hourly.onDemand),
  };
  const rest = sum(lines);
  const { picturesPerSecond: rate, tasks, hours } = pace;
  return {
    lines,
    workers,
    ...{ picturesPerSecond: rate, tasks, hours },
    usd: { spot: rest + workers.spot.usd, onDemand: rest + workers.onDemand.usd },
    storage: [
      line('S3', 'pictures', (pictures * megabytes) / 1000, 'GB', s3.gbMonth),
      line('S3', 'outcomes', (pictures * outcomeBytes(question)) / 1e9, 'GB', s3.gbMonth),
    ],
  };
}

export function sum(lines: readonly { usd: number }[]): number {
  return lines.reduce((total, { usd }) => total + usd, 0);
}

/** What the batch pipeline has no need of: messages, events, runs of the function and an object for each outcome. */
export function perPictureUsd({ lines }: CostEstimate, pictures: number): number {
  const spared = lines.filter(({ stage }) => stage === 'SQS' || stage === 'SNS' || stage === 'Lambda');
  return sum(spared) + pictures * prices.s3.put;
}

export function computeOf(compute: GpuInstance | 'cpu'): Compute {
  return compute === 'cpu' ? { kind: 'cpu' } : { kind: 'gpu', family: gpuInstances[compute].family };
}

interface Pace {
  picturesPerSecond: number;
  tasks: number;
  hours: number;
  /** All tasks together. */
  paidHours: number;
}

function paceOf({ pictures, gflop, compute, utilisation, fill }: CostQuestion): Pace {
  const { kind } = computeOf(compute);
  const rate = picturesPerSecond(computeOf(compute), gflop, utilisation);
  const { messagesPerTask, maxTasks } = scalingDefaults;
  const tasks = Math.min(Math.max(Math.ceil(pictures / fill / messagesPerTask), 1), maxTasks);
  const workHours = pictures / rate / 3600;
  const { start, end } = paidIdle[kind];
  return {
    picturesPerSecond: rate,
    tasks,
    hours: workHours / tasks + start / 60,
    paidHours: workHours + (tasks * (start + end) + lastWaits) / 60,
  };
}

/** An hour of one task, with its address and disk. */
export function hourlyUsd(compute: GpuInstance | 'cpu'): { spot: number; onDemand: number } {
  const { fargate: price, publicIpv4Hour, ebsGbMonth } = prices;
  if (compute === 'cpu') {
    const task = fargateTask.vcpus * price.vcpuHour + fargateTask.memoryGib * price.gbHour;
    return { spot: task * spotShare.cpu + publicIpv4Hour, onDemand: task + publicIpv4Hour };
  }
  const beside = publicIpv4Hour + (diskGiB * ebsGbMonth) / hoursInMonth;
  const { usdPerHour } = gpuInstances[compute];
  return { spot: usdPerHour * spotShare.gpu + beside, onDemand: usdPerHour + beside };
}

function lambdaSecondsOf({ megapixels }: CostQuestion): number {
  return (lambdaSeconds.each + lambdaSeconds.megapixel * megapixels) * lambdaGb;
}

/** Requests that a message of more than 64 KiB counts for beyond the first: sent once, received once. */
function tokensChunks({ pictures, tokens, fill }: CostQuestion): number {
  // Nine bits a token for a palette of 512, in base64, with key, ETag and facts beside it.
  const pictureBytes = Math.ceil(((tokens * 9) / 8) * (4 / 3)) + 250;
  const beyondFirst = Math.ceil((fill * pictureBytes) / sqsChunkBytes) - 1;
  return 2 * beyondFirst * Math.ceil(pictures / fill);
}

/** JSON of an outcome: features have nine significant digits. */
function outcomeBytes({ features }: CostQuestion): number {
  return 900 + 13 * features;
}

/** A part of what the stack costs while nobody uploads anything, USD a month. */
export interface IdleItem {
  what: string;
  usd: number;
}

/** Metrics of all alarms: CloudWatch bills those, not the alarms. test/cdk/idle-cost.test.ts counts them in the template. */
export const alarmMetrics = { gpu: 16, cpu: 15 };

/** Lambda polls an idle queue with five long polls of 20 s; uploads and backfill have one mapping each. */
const mappings = 2;
const pollsInMonth = (5 * 30 * 86_400) / 20;

/**
 * The worker's image, GB compressed. An estimate: that for GPUs was never built here; PyPI's packages of what it adds
 * are 0.73 GB (cuBLAS 0.42, onnxruntime's provider 0.25, cuRAND 0.06).
 */
const imageGb = { gpu: 1, cpu: 0.2 };

/**
 * What the stack costs when idle, item by item. Everything else (functions, cluster, services at 0, queues, topics,
 * roles, network, dashboard) costs nothing then. Storage of pictures and outcomes is apart.
 */
export function idleCost(compute: 'gpu' | 'cpu', { modelGb = 0 } = {}): IdleItem[] {
  const { cloudWatch, sqs, ecrGbMonth, s3 } = prices;
  const billedMetrics = Math.max(alarmMetrics[compute] - cloudWatch.freeAlarmMetrics, 0);
  const billedPolls = Math.max(mappings * pollsInMonth - sqs.freeRequests, 0);
  return [
    {
      what: `alarms: ${alarmMetrics[compute]} metrics, ${cloudWatch.freeAlarmMetrics} of them free`,
      usd: billedMetrics * cloudWatch.alarmMetricMonth,
    },
    { what: 'SQS: Lambda’s polls of two queues, a million of them free', usd: billedPolls * sqs.request },
    { what: `ECR: the worker’s image, about ${imageGb[compute]} GB`, usd: imageGb[compute] * ecrGbMonth },
    // CDK's asset, and its copy in the output bucket.
    { what: 'S3: the model, twice', usd: 2 * modelGb * s3.gbMonth },
  ];
}

/** What one task runs on. */
export type Compute =
  | { kind: 'gpu'; family: GpuFamily }
  /** Fargate, 4 vCPU and 8 GiB. */
  | { kind: 'cpu' };

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
  const peak = compute.kind === 'cpu' ? cpuPeak : gpuFamilies[compute.family].peakGflops;
  return Math.min((peak * utilisation) / gflop, mostPicturesPerSecond);
}
