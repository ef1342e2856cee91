import { fullDeliveryMessages, preprocessMegabytes } from '../contracts/delivery.ts';
import { emptyMinutes, scalingDefaults } from '../contracts/deployment-settings.ts';
import { fargateTask, type GpuInstance, gpuInstances, instanceDiskGib } from '../contracts/instances.ts';
import { hoursInMonth, prices } from './prices.ts';
import { picturesPerSecond, type TaskCompute } from './throughput.ts';

/** Pictures per tokens message: 100 when many arrive at once, 3 when they arrive slowly. */
export type Fill = 100 | 30 | 3;

/** What is sent through the pipeline, whatever computes. */
export interface PicturesQuestion {
  pictures: number;
  /** GFLOP of one picture, without the products that the causal mask hides. */
  gflop: number;
  /** Tokens of one picture, n. */
  tokens: number;
  /** Width of the feature vector; 0 without features. */
  features: number;
  /** Share of the processor's peak that the model reaches (0 to 1). */
  utilisation: number;
  fill: Fill;
  /** Size of a picture's file (MB). */
  megabytes: number;
  /** Pixels of a picture (millions). */
  megapixels: number;
}

export interface CostQuestion extends PicturesQuestion {
  /** GPU instance type, or Fargate. */
  compute: GpuInstance | 'cpu';
}

/** One line of a bill. */
export interface CostLine {
  stage: 'S3' | 'Lambda' | 'SQS' | 'SNS' | 'workers' | 'infer' | 'CloudWatch';
  what: string;
  quantity: number;
  unit: string;
  /** USD. */
  usd: number;
}

export interface CostEstimate {
  /** Everything except the workers. */
  lines: CostLine[];
  /** Alternatives: all tasks on Spot, or all on demand. */
  workers: { spot: CostLine; onDemand: CostLine };
  /** Throughput of one task (pictures/s). */
  picturesPerSecond: number;
  tasks: number;
  /** From the first upload to the last outcome (hours). */
  hours: number;
  /** Sum of lines and workers (USD). */
  usd: { spot: number; onDemand: number };
  /** Per month, until the objects are deleted. */
  storage: CostLine[];
}

/** Requests to the tokens queue per 1,000 pictures, by fill: measured with the deployed flows. */
const tokensRequests: Record<Fill, number> = { 100: 19, 30: 50, 3: 461 };

/** SQS bills each 64 KiB of a request as one request. Source: Amazon SQS pricing. */
const billedRequestBytes = 65_536;

/** Entries in one call to S3, SQS or SNS. Sources: the services' developer guides, "Quotas". */
const callEntries = 10;

/**
 * Time that a picture adds to the function (seconds). Reading and sending overlap with decoding. The sandboxed decoder
 * takes 15 ms per megapixel of JPEG on one core of our machine, and two decoders share 1.7 cores of Lambda.
 */
const lambdaSeconds = { each: 0.005, megapixel: 0.01 };

/** Spot price as a share of the on-demand price. There is no list price; 0.3 to 0.6 is usual. */
export const spotShare = { gpu: 0.4, cpu: 0.3 };

/** Billed time without work (minutes). `start`: until the task works. `end`: until ECS ends an idle instance. */
const billedIdle = { gpu: { start: 5, end: 15 }, cpu: { start: 2, end: 0 } };

/** Log text per picture, preprocess and worker together: failures and summed metrics. Successes are not logged. */
const logBytes = 200;

/** Custom metrics with data during work, preprocess and worker together. See lib/contracts/metrics.ts. */
const ownMetrics = 16;

/** What it costs to send `pictures` through the deployed pipeline, without free tiers. */
export function estimateCost(question: CostQuestion): CostEstimate {
  const { pictures, fill } = question;
  const pace = paceOf(question);
  const lines = pipelineLines(question, {
    // A message of the uploads queue has a picture.
    invocationPictures: fullDeliveryMessages,
    tokensRequests: (pictures * tokensRequests[fill]) / 1000 + extraTokensRequests(question),
    hours: pace.hours,
  });
  const hourly = hourlyUsd(question.compute);
  const workers = {
    spot: costLine('workers', 'tasks on Spot', pace.billedHours, 'hours', hourly.spot),
    onDemand: costLine('workers', 'tasks on demand', pace.billedHours, 'hours', hourly.onDemand),
  };
  const rest = sum(lines);
  const { picturesPerSecond: rate, tasks, hours } = pace;
  return {
    lines,
    workers,
    picturesPerSecond: rate,
    tasks,
    hours,
    usd: { spot: rest + workers.spot.usd, onDemand: rest + workers.onDemand.usd },
    storage: storageLines(question),
  };
}

export function costLine(
  stage: CostLine['stage'],
  what: string,
  quantity: number,
  unit: string,
  each: number,
): CostLine {
  return { stage, what, quantity, unit, usd: quantity * each };
}

/** How the messages go through the pipeline. */
export interface PipelineFlow {
  /** Pictures in one invocation of preprocess. */
  invocationPictures: number;
  /** Requests to the tokens queue. */
  tokensRequests: number;
  /** From the first upload to the last outcome. */
  hours: number;
}

/** Everything but the computing. */
export function pipelineLines(question: PicturesQuestion, flow: PipelineFlow): CostLine[] {
  const { pictures } = question;
  const { s3, lambda, sqs, sns, cloudWatch } = prices;
  const invocations = Math.ceil(pictures / flow.invocationPictures);
  const metricHours = ownMetrics * Math.ceil(flow.hours);
  return [
    costLine('S3', 'put the pictures and their outcomes', 2 * pictures, 'requests', s3.put),
    costLine('S3', 'get each picture, check that it still exists', 2 * pictures, 'requests', s3.get),
    costLine('Lambda', 'invocations of preprocess', invocations, 'requests', lambda.request),
    costLine('Lambda', 'time of preprocess', pictures * lambdaSecondsOf(question), 'GB-seconds', lambda.gbSecond),
    // S3 sends notifications one by one; we receive and delete ten at a time.
    costLine('SQS', 'uploads queue', pictures * (1 + 2 / callEntries), 'requests', sqs.request),
    costLine('SQS', 'tokens queue', flow.tokensRequests, 'requests', sqs.request),
    costLine('SQS', 'result-events queue and its consumer', pictures * (1 + 2 / callEntries), 'requests', sqs.request),
    costLine('SNS', 'result events', Math.ceil(pictures / callEntries), 'requests', sns.request),
    costLine('CloudWatch', 'logs', (pictures * logBytes) / 1e9, 'GB', cloudWatch.logsGb),
    costLine('CloudWatch', 'metrics', metricHours, 'metric-hours', cloudWatch.metricMonth / hoursInMonth),
  ];
}

/** Per month, until the objects are deleted. */
export function storageLines(question: PicturesQuestion): CostLine[] {
  const { pictures, megabytes } = question;
  return [
    costLine('S3', 'pictures', (pictures * megabytes) / 1000, 'GB', prices.s3.gbMonth),
    costLine('S3', 'outcomes', (pictures * outcomeBytes(question)) / 1e9, 'GB', prices.s3.gbMonth),
  ];
}

/** Total of the lines (USD). */
export function sum(lines: readonly { usd: number }[]): number {
  return lines.reduce((total, { usd }) => total + usd, 0);
}

/** What a data-set job saves (USD): messages, events, invocations of the function and an object per outcome. */
export function jobSavingUsd({ lines }: { lines: readonly CostLine[] }, pictures: number): number {
  const saved = lines.filter(({ stage }) => stage === 'SQS' || stage === 'SNS' || stage === 'Lambda');
  return sum(saved) + pictures * prices.s3.put;
}

/** What a task runs on with `--compute`. */
export function computeOf(compute: GpuInstance | 'cpu'): TaskCompute {
  return compute === 'cpu' ? { kind: 'cpu' } : { kind: 'gpu', family: gpuInstances[compute].family };
}

interface Pace {
  picturesPerSecond: number;
  tasks: number;
  hours: number;
  /** Billed hours of all tasks. */
  billedHours: number;
}

function paceOf({ pictures, gflop, compute, utilisation, fill }: CostQuestion): Pace {
  const { kind } = computeOf(compute);
  const rate = picturesPerSecond(computeOf(compute), gflop, utilisation);
  const { messagesPerTask, maxTasks } = scalingDefaults;
  const tasks = Math.min(Math.max(Math.ceil(pictures / fill / messagesPerTask), 1), maxTasks);
  const workHours = pictures / rate / 3600;
  const { start, end } = billedIdle[kind];
  return {
    picturesPerSecond: rate,
    tasks,
    hours: workHours / tasks + start / 60,
    billedHours: workHours + (tasks * (start + end) + emptyMinutes) / 60,
  };
}

/** Price of a task (USD per hour), with its IP address and disk. */
export function hourlyUsd(compute: GpuInstance | 'cpu'): { spot: number; onDemand: number } {
  const { fargate: price, publicIpv4Hour, ebsGbMonth } = prices;
  if (compute === 'cpu') {
    const task = fargateTask.vcpus * price.vcpuHour + fargateTask.memoryGib * price.gbHour;
    return { spot: task * spotShare.cpu + publicIpv4Hour, onDemand: task + publicIpv4Hour };
  }
  const addressAndDisk = publicIpv4Hour + (instanceDiskGib * ebsGbMonth) / hoursInMonth;
  const { usdPerHour } = gpuInstances[compute];
  return { spot: usdPerHour * spotShare.gpu + addressAndDisk, onDemand: usdPerHour + addressAndDisk };
}

function lambdaSecondsOf({ megapixels }: PicturesQuestion): number {
  return (lambdaSeconds.each + lambdaSeconds.megapixel * megapixels) * (preprocessMegabytes / 1024);
}

/** Requests that SQS bills in addition for messages above 64 KiB, for sending and receiving them. */
function extraTokensRequests({ pictures, tokens, fill }: PicturesQuestion): number {
  // Nine bits per token (palette of 512 colours) in base64, and 250 bytes for key, ETag and picture facts.
  const pictureBytes = Math.ceil(((tokens * 9) / 8) * (4 / 3)) + 250;
  const beyondFirst = Math.ceil((fill * pictureBytes) / billedRequestBytes) - 1;
  return 2 * beyondFirst * Math.ceil(pictures / fill);
}

/** Bytes of an outcome's JSON: a feature has nine significant digits. */
function outcomeBytes({ features }: PicturesQuestion): number {
  return 900 + 13 * features;
}
