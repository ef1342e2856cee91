import { prices } from './prices.ts';

/** A part of what the stack costs while nobody uploads anything. */
export interface IdleItem {
  what: string;
  /** USD per month. */
  usd: number;
}

/** Metrics of all alarms; CloudWatch bills metrics, not alarms. test/cdk/idle-cost.test.ts counts them in the template. */
export const alarmMetrics = { gpu: 17, cpu: 14, lambda: 11 };

/** Queues that Lambda polls: uploads and backfill; tokens too for the inference function. */
export const polledQueues = { gpu: 2, cpu: 2, lambda: 3 };

/** Lambda polls an idle queue with five long polls of 20 s each. */
const pollsPerMonth = (5 * 30 * 86_400) / 20;

/**
 * The worker's image (GB, compressed); a function has none. `npm run prove:image` measured it without its base image:
 * 0.80 on CUDA, 0.04 on the CPU. The bases are estimated: 0.1 for NVIDIA's, 0.08 for Node's.
 */
const imageGb = { gpu: 0.9, cpu: 0.12, lambda: 0 };

/** Metrics that the function of the daily limit reads. test/cdk/idle-cost.test.ts counts them in the template. */
export const limitMeasures = { gpu: 8, cpu: 5, lambda: 5 };

/** What the function of the daily limit uses in a month of 30 days. See cdk/constructs/daily-limit.ts. */
const limit = {
  /** Every five minutes. */
  runs: (30 * 1440) / 5,
  /** Assumed (seconds), with 256 MB. */
  seconds: 1,
  gb: 0.25,
};

/** Metrics of the alarm that tells when the limit is not enforced. */
const limitAlarmMetrics = 1;

/** What `maxUsdPerDay` adds to the idle stack, whose alarms already use up the free metrics. */
export function limitIdleCost(compute: 'gpu' | 'cpu' | 'lambda'): IdleItem {
  const { cloudWatch, lambda } = prices;
  const { runs, seconds, gb } = limit;
  const billedRequests = Math.max(runs * limitMeasures[compute] - cloudWatch.freeRequests, 0);
  const functionUsd = runs * (lambda.request + seconds * gb * lambda.gbSecond);
  return {
    what: 'daily limit: an alarm metric, a function every five minutes',
    usd: limitAlarmMetrics * cloudWatch.alarmMetricMonth + functionUsd + billedRequests * cloudWatch.request,
  };
}

/**
 * What the idle stack costs per month. Functions, cluster, services without tasks, queues, topics, roles, network and
 * dashboard cost nothing while the stack is idle. Stored pictures and outcomes are not included.
 */
export function idleCost(compute: 'gpu' | 'cpu' | 'lambda', { modelGb = 0 } = {}): IdleItem[] {
  const { cloudWatch, sqs, ecrGbMonth, s3 } = prices;
  const billedMetrics = Math.max(alarmMetrics[compute] - cloudWatch.freeAlarmMetrics, 0);
  const queues = polledQueues[compute];
  const billedPolls = Math.max(queues * pollsPerMonth - sqs.freeRequests, 0);
  const image = imageGb[compute];
  return [
    {
      what: `alarms: ${alarmMetrics[compute]} metrics, ${cloudWatch.freeAlarmMetrics} of them free`,
      usd: billedMetrics * cloudWatch.alarmMetricMonth,
    },
    { what: `SQS: Lambda’s polls of ${queues} queues, a million of them free`, usd: billedPolls * sqs.request },
    ...(image === 0 ? [] : [{ what: `ECR: the worker’s image, about ${image} GB`, usd: image * ecrGbMonth }]),
    // As an asset of CDK, and as a copy in the output bucket.
    { what: 'S3: the model, twice', usd: 2 * modelGb * s3.gbMonth },
  ];
}
