import { prices } from './prices.ts';

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
