import {
  type CloudWatchClient,
  DescribeAlarmsCommand,
  GetMetricDataCommand,
  type MetricDataQuery,
} from '@aws-sdk/client-cloudwatch';
import { metricNames } from '../contracts/metrics.ts';
import type { StackOutputs } from '../contracts/stack-outputs.ts';
import { commandError } from './operator-error.ts';
import {
  type DeadLetterName,
  deadLetterNames,
  deadLettersUrl,
  type QueueName,
  queueNameOf,
  queueNames,
  queueUrl,
} from './stack-queues.ts';

/** What CloudWatch knows of a stack. Null: no data, which is usual for a queue that has been idle for six hours. */
export interface StackMetrics {
  /** Age of the oldest message, seconds. */
  oldest: Record<QueueName, number | null>;
  oldestDeadLetter: Record<DeadLetterName, number | null>;
  /** Pictures that ended lately, per second. */
  succeededPerSecond: number;
  failedPerSecond: number;
  /** Pictures in a message of the tokens queue, on average. */
  batchFill: number | null;
}

export interface RaisedAlarm {
  name: string;
  description: string;
  since: Date | null;
}

/** Long enough that a metric which comes every minute, and up to two late, is in it. */
const windowMinutes = 5;

/** Periods of a minute start with the minute. */
const periodSeconds = 60;

/** @throws {CommandError} when CloudWatch does not tell */
export async function readMetrics(client: CloudWatchClient, outputs: StackOutputs, now: Date): Promise<StackMetrics> {
  const end = Math.floor(now.getTime() / 60_000) * 60_000;
  const start = end - windowMinutes * 60_000;
  const command = new GetMetricDataCommand({
    MetricDataQueries: queries(outputs),
    // An age may be some minutes old; rates are counted within the window.
    StartTime: new Date(end - 15 * 60_000),
    EndTime: new Date(now.getTime() + 60_000),
    ScanBy: 'TimestampDescending',
  });
  try {
    const { MetricDataResults: results = [] } = await client.send(command);
    const series = new Map(
      results.map(({ Id: id = '', Timestamps: times = [], Values: values = [] }) => [
        id,
        times.map((at, i) => ({ at: at.getTime(), value: values[i] ?? 0 })),
      ]),
    );
    const latest = (id: string): number | null => series.get(id)?.[0]?.value ?? null;
    const within = (id: string): number[] =>
      (series.get(id) ?? []).filter(({ at }) => at >= start && at < end).map(({ value }) => value);
    const rate = (...ids: string[]): number =>
      ids.flatMap(within).reduce((sum, value) => sum + value, 0) / (windowMinutes * 60);
    return {
      oldest: {
        uploads: latest('age0'),
        backfill: latest('age1'),
        tokens: latest('age2'),
        'result-events': latest('age3'),
      },
      oldestDeadLetter: { uploads: latest('dead0'), tokens: latest('dead1'), 'result-events': latest('dead2') },
      succeededPerSecond: rate('succeeded'),
      failedPerSecond: rate('failed', 'failedEarly'),
      batchFill: latest('fill'),
    };
  } catch (error) {
    throw commandError('read the metrics', error);
  }
}

function queries(outputs: StackOutputs): MetricDataQuery[] {
  const age = (Id: string, url: string): MetricDataQuery => ({
    Id,
    MetricStat: {
      Metric: {
        Namespace: 'AWS/SQS',
        MetricName: 'ApproximateAgeOfOldestMessage',
        Dimensions: [{ Name: 'QueueName', Value: queueNameOf(url) }],
      },
      Period: periodSeconds,
      Stat: 'Maximum',
    },
  });
  const ours = (Id: string, MetricName: string, service: string, Stat: string): MetricDataQuery => ({
    Id,
    MetricStat: {
      Metric: {
        Namespace: outputs.metricNamespace,
        MetricName,
        Dimensions: [{ Name: 'service', Value: service }],
      },
      Period: periodSeconds,
      Stat,
    },
  });
  return [
    ...queueNames.map((name, i) => age(`age${i}`, queueUrl(outputs, name))),
    ...deadLetterNames.map((name, i) => age(`dead${i}`, deadLettersUrl(outputs, name))),
    ours('succeeded', metricNames.succeeded, 'worker', 'Sum'),
    ours('failed', metricNames.failed, 'worker', 'Sum'),
    // What is no picture ends before it reaches the worker.
    ours('failedEarly', metricNames.failed, 'preprocess', 'Sum'),
    ours('fill', metricNames.batchFill, 'worker', 'Average'),
  ];
}

/** The stack's alarms that are raised now. @throws {CommandError} when CloudWatch does not tell */
export async function readAlarms(client: CloudWatchClient, outputs: StackOutputs): Promise<RaisedAlarm[]> {
  try {
    const command = new DescribeAlarmsCommand({ ActionPrefix: outputs.alarmTopicArn, MaxRecords: 100 });
    const { MetricAlarms: alarms = [] } = await client.send(command);
    return alarms
      .filter(({ StateValue: state }) => state === 'ALARM')
      .map(({ AlarmName: name = '', AlarmDescription: description = '', StateUpdatedTimestamp: since }) => ({
        name: shortName(name),
        description,
        since: since ?? null,
      }));
  } catch (error) {
    throw commandError('read the alarms', error);
  }
}

/** `DeadLetters` of `ImageGpt-AlarmsDeadLetters1A2B3C4D-XYZ`, `CostBrake` of `ImageGpt-CostBrake`. */
function shortName(name: string): string {
  return /-(?:Alarms)?([A-Za-z0-9]+?)(?:[0-9A-F]{8}-\w+)?$/.exec(name)?.[1] ?? name;
}
