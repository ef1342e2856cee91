import { prices } from './prices.ts';

/** A part of what the stack costs while nobody uploads anything. */
export interface IdleItem {
  what: string;
  /** USD per month. */
  usd: number;
}

/** Metrics of all alarms; CloudWatch bills metrics, not alarms. test/cdk/idle-cost.test.ts counts them in the template. */
export const alarmMetrics = { gpu: 17, cpu: 14 };

/** Queues that Lambda polls: uploads and backfill. */
const polledQueues = 2;

/** Lambda polls an idle queue with five long polls of 20 s each. */
const pollsPerMonth = (5 * 30 * 86_400) / 20;

/**
 * The worker's image (GB, compressed). `npm run prove:image` measured it without its base image: 0.80 on CUDA, 0.04 on the
 * CPU. The bases are estimated: 0.1 for NVIDIA's, 0.08 for Node's.
 */
const imageGb = { gpu: 0.9, cpu: 0.12 };

/**
 * What the idle stack costs per month. Functions, cluster, services without tasks, queues, topics, roles, network and
 * dashboard cost nothing while the stack is idle. Stored pictures and outcomes are not included.
 */
export function idleCost(compute: 'gpu' | 'cpu', { modelGb = 0 } = {}): IdleItem[] {
  const { cloudWatch, sqs, ecrGbMonth, s3 } = prices;
  const billedMetrics = Math.max(alarmMetrics[compute] - cloudWatch.freeAlarmMetrics, 0);
  const billedPolls = Math.max(polledQueues * pollsPerMonth - sqs.freeRequests, 0);
  return [
    {
      what: `alarms: ${alarmMetrics[compute]} metrics, ${cloudWatch.freeAlarmMetrics} of them free`,
      usd: billedMetrics * cloudWatch.alarmMetricMonth,
    },
    { what: 'SQS: Lambda’s polls of two queues, a million of them free', usd: billedPolls * sqs.request },
    { what: `ECR: the worker’s image, about ${imageGb[compute]} GB`, usd: imageGb[compute] * ecrGbMonth },
    // As an asset of CDK, and as a copy in the output bucket.
    { what: 'S3: the model, twice', usd: 2 * modelGb * s3.gbMonth },
  ];
}
