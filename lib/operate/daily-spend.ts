import { type CloudWatchClient, GetMetricStatisticsCommand } from '@aws-sdk/client-cloudwatch';
import type { Measure, Meter } from '../contracts/meters.ts';
import { commandError } from './command-error.ts';
import { estimateCost, hourlyUsd, sum } from './estimate-cost.ts';
import { prices } from './prices.ts';

/**
 * Price of one unit of a meter (USD): on demand even if it is Spot, and of the dearest instance type, because a metric
 * does not say which instance it was.
 */
export function unitUsd(meter: Meter): number {
  switch (meter.unit) {
    case 'gpu-minute':
      return Math.max(...meter.instanceTypes.map((type) => hourlyUsd(type).onDemand)) / 60;
    case 'fargate-minute':
      return hourlyUsd('cpu').onDemand / 60;
    case 'function-ms': {
      const { gbSecond, gbSecondX86 } = prices.lambda;
      return ((meter.megabytes / 1024) * (meter.architecture === 'arm64' ? gbSecond : gbSecondX86)) / 1000;
    }
    case 'picture':
      return requestsUsd;
  }
}

/** Functions that a picture goes through. Each is invoked at most once for it, unless a message is retried. */
const functions = 2;

/** Requests of one picture that arrives alone (USD): those of S3, SQS and SNS, and of Lambda. */
const requestsUsd = (() => {
  const pictures = 1e6;
  const { lines } = estimateCost({
    pictures,
    fill: 3,
    // These do not change the number of requests.
    ...{ gflop: 1, tokens: 1024, features: 0, compute: 'cpu', utilisation: 1, megabytes: 0, megapixels: 0 },
  });
  const requests = lines.filter(({ stage }) => stage === 'S3' || stage === 'SQS' || stage === 'SNS');
  return sum(requests) / pictures + functions * prices.lambda.request;
})();

/** @param amounts what each measure of the meter has counted; without any data, 0 */
export function meterUsd(meter: Meter, amounts: readonly number[]): number {
  return Math.max(0, ...amounts) * unitUsd(meter);
}

/** The UTC day of a moment: `2026-12-01`. */
export function utcDay(at: Date): string {
  return at.toISOString().slice(0, 10);
}

/** Length of the periods that are added up (seconds). */
const periodSeconds = 300;

/**
 * Estimates what a stack has spent since 00:00 UTC (USD).
 *
 * GetMetricStatistics rather than GetMetricData: a million of its requests are free every month.
 *
 * @throws {CommandError} when CloudWatch refuses a request
 */
export async function readSpend(client: CloudWatchClient, meters: readonly Meter[], now: Date): Promise<number> {
  try {
    const spent = await Promise.all(
      meters.map(async (meter) => {
        const amounts = await Promise.all(meter.measures.map((measure) => countToday(client, measure, now)));
        return meterUsd(meter, amounts);
      }),
    );
    return spent.reduce((total, usd) => total + usd, 0);
  } catch (error) {
    throw commandError('read what was spent today', error);
  }
}

async function countToday(
  client: CloudWatchClient,
  { namespace, name, stat, dimensions }: Measure,
  now: Date,
): Promise<number> {
  const { Datapoints: points = [] } = await client.send(
    new GetMetricStatisticsCommand({
      Namespace: namespace,
      MetricName: name,
      Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
      StartTime: new Date(`${utcDay(now)}T00:00:00Z`),
      // CloudWatch rounds down to whole minutes, and the end must be after the start.
      EndTime: new Date(now.getTime() + 60_000),
      Period: periodSeconds,
      Statistics: [stat],
    }),
  );
  return points.reduce((total, point) => total + (point[stat] ?? 0), 0);
}
