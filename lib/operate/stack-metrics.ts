import {
  type CloudWatchClient,
  DescribeAlarmsCommand,
  GetMetricDataCommand,
  type MetricDataQuery,
} from '@aws-sdk/client-cloudwatch';
import { metricNames } from '../contracts/metrics.ts';
import type { StackOutputs } from '../contracts/stack-outputs.ts';
import { commandError } from './command-error.ts';
import {
  type DeadLetterName,
  deadLetterNames,
  deadLettersUrl,
  type QueueName,
  queueNameOf,
  queueNames,
  queueUrl,
} from './stack-queues.ts';

/** CloudWatch's metrics of a stack. Null: no data, as for a queue that was idle for six hours. */
export interface StackMetrics {
  /** Age of the oldest message (seconds). */
  oldest: Record<QueueName, number | null>;
  oldestDeadLetter: Record<DeadLetterName, number | null>;
  /** Outcomes per second in the last five minutes. */
  succeededPerSecond: number;
  failedPerSecond: number;
  /** Mean number of pictures in a tokens message. */
  batchFill: number | null;
  /** Calls of the inference function in the last five minutes; all 0 without one. */
  inferCalls: InferCalls;
}

export interface InferCalls {
  made: number;
  /** Ended by an error, a crash or the timeout. Single pictures that fail are not counted. */
  failed: number;
  /** Refused by Lambda. */
  throttled: number;
}

export interface RaisedAlarm {
  /** Short name, as in docs/aws-operate.md. */
  name: string;
  description: string;
  since: Date | null;
}

/** Period of the rates. Metrics come every minute, up to two minutes late. */
const windowMinutes = 5;

/** CloudWatch aligns these periods with the clock's minutes. */
const periodSeconds = 60;

/** @throws {CommandError} */
export async function readMetrics(client: CloudWatchClient, outputs: StackOutputs, now: Date): Promise<StackMetrics> {
  const end = Math.floor(now.getTime() / 60_000) * 60_000;
  const start = end - windowMinutes * 60_000;
  const command = new GetMetricDataCommand({
    MetricDataQueries: queries(outputs),
    // Earlier than the window: an age may be some minutes old.
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
    const total = (...ids: string[]): number => ids.flatMap(within).reduce((sum, value) => sum + value, 0);
    const rate = (...ids: string[]): number => total(...ids) / (windowMinutes * 60);
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
      inferCalls: { made: total('calls'), failed: total('errors'), throttled: total('throttles') },
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
  const custom = (Id: string, MetricName: string, service: string, Stat: string): MetricDataQuery => ({
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
  const ofFunction = (Id: string, MetricName: string, name: string): MetricDataQuery => ({
    Id,
    MetricStat: {
      Metric: { Namespace: 'AWS/Lambda', MetricName, Dimensions: [{ Name: 'FunctionName', Value: name }] },
      Period: periodSeconds,
      Stat: 'Sum',
    },
  });
  const { inferFunction } = outputs;
  return [
    ...(inferFunction === undefined
      ? []
      : [
          ofFunction('calls', 'Invocations', inferFunction),
          ofFunction('errors', 'Errors', inferFunction),
          ofFunction('throttles', 'Throttles', inferFunction),
        ]),
    ...queueNames.map((name, i) => age(`age${i}`, queueUrl(outputs, name))),
    ...deadLetterNames.map((name, i) => age(`dead${i}`, deadLettersUrl(outputs, name))),
    custom('succeeded', metricNames.succeeded, 'worker', 'Sum'),
    custom('failed', metricNames.failed, 'worker', 'Sum'),
    // A file that cannot be decoded fails in preprocess.
    custom('failedEarly', metricNames.failed, 'preprocess', 'Sum'),
    custom('fill', metricNames.batchFill, 'worker', 'Average'),
  ];
}

/**
 * The stack's alarms in state ALARM.
 *
 * @throws {CommandError}
 */
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
