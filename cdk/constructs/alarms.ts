import { Aws, Duration, Stack } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  type IMetric,
  MathExpression,
  Metric,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import { maxReceiveCount, visibilitySeconds, workerVisibilitySeconds } from '../../lib/contracts/delivery.ts';
import { metricNames } from '../../lib/contracts/metrics.ts';
import type { Queues } from './queues.ts';
import type { Results } from './results.ts';

export interface AlarmsProps {
  queues: Queues;
  results: Results;
  /** Above 0 in a period in which a worker or an inference function runs. */
  runningTasks: IMetric;
  /** A period of this length has a value while they run: 5 minutes, or the function's timeout. */
  runningPeriod: Duration;
  /** The inference function, if there is one. */
  infer?: IFunction | undefined;
  /** Namespace of the metrics of preprocess and workers. */
  namespace: string;
  email?: string | undefined;
}

const fiveMinutes = Duration.minutes(5);

/** The failure rate of fewer pictures is too noisy for an alarm. */
const minPictures = 20;

/** Failure rate that raises the alarm (percent). */
const maxFailedPercent = 20;

/**
 * Alarms for conditions that need an operator. CloudWatch bills each metric of an alarm (lib/operate/idle-cost.ts). So
 * conditions that only delay a consumer or a backfill have no alarm; the dashboard shows them.
 *
 * SQS reports messages in flight only if there are some, so the metric may have no data at all while nothing is received.
 * Whether FILL fills such a series is not documented. So `- IF(x > 0, 1)` says "unless x": without data it counts as 0.
 * Sources: see {@link Scaling}.
 */
export class Alarms extends Construct {
  readonly topic: Topic;
  /** Names of the alarms that pull the cost brake. */
  readonly costBrakeNames: readonly string[];

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    const { queues, results, runningTasks, runningPeriod, infer, namespace, email } = props;
    this.topic = new Topic(this, 'Topic', { displayName: 'Image GPT alarms', enforceSSL: true });
    // Not encrypted: CloudWatch cannot use the key of SNS, and the messages only hold the text of alarms.
    const conditions = { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } };
    this.topic.grantPublish(new ServicePrincipal('cloudwatch.amazonaws.com', { conditions }));
    if (email !== undefined) this.topic.addSubscription(new EmailSubscription(email));

    this.alarm('DeadLetters', {
      metric: math('uploads + tokens', fiveMinutes, {
        uploads: queues.uploadsDeadLetters.metricApproximateNumberOfMessagesVisible({ statistic: 'Maximum' }),
        tokens: queues.tokensDeadLetters.metricApproximateNumberOfMessagesVisible({ statistic: 'Maximum' }),
      }),
      threshold: 1,
      evaluationPeriods: 1,
      alarmDescription:
        'A dead-letter queue has messages: they crashed a process, or are not from Image GPT. Run igpt redrive.',
    });
    this.alarm('UploadsWaiting', {
      metric: queues.uploads.metricApproximateAgeOfOldestMessage({ period: fiveMinutes, statistic: 'Maximum' }),
      threshold: Duration.hours(1).toSeconds(),
      evaluationPeriods: 1,
      alarmDescription:
        'An upload has waited for an hour: preprocess fails, is throttled, or is stopped by the cost brake. After 7 days it is deleted.',
    });
    this.alarm('FailureRate', {
      metric: math(
        `IF(published >= ${minPictures}, 100 * (published - FILL(succeeded, 0)) / published, 0)`,
        Duration.hours(1),
        {
          published: results.topic.metricNumberOfMessagesPublished({ statistic: 'Sum' }),
          succeeded: new Metric({
            namespace,
            metricName: metricNames.succeeded,
            dimensionsMap: { service: 'worker' },
            statistic: 'Sum',
          }),
        },
      ),
      threshold: maxFailedPercent,
      evaluationPeriods: 1,
      alarmDescription: `${maxFailedPercent} percent or more of the last hour's outcomes are failures. The outcomes name the reasons.`,
    });
    this.alarm('TokensWaiting', {
      // Two metrics for two conditions: nothing is received although a message is old, or the backlog is too long.
      metric: math(
        `IF(age >= ${Duration.days(3).toSeconds()}, 1, IF(age >= ${fiveMinutes.toSeconds()}, 1, 0) - IF(inFlight > 0, 1))`,
        fiveMinutes,
        {
          age: queues.tokens.metricApproximateAgeOfOldestMessage({ statistic: 'Maximum' }),
          // Not received messages: a slow model can hold the same messages for longer than the period.
          inFlight: queues.tokens.metricApproximateNumberOfMessagesNotVisible({ statistic: 'Maximum' }),
        },
      ),
      threshold: 1,
      // 15 minutes
      evaluationPeriods: 3,
      alarmDescription:
        'Tokens wait and no worker or function takes them: no instance is available, the worker cannot start (no GPU, wrong model), or the cost brake is pulled. Or they have waited for 3 days; after 7 days they are deleted, and igpt backfill must find their pictures.',
    });
    if (infer !== undefined) {
      this.alarm('InferErrors', {
        metric: infer.metricErrors({ period: fiveMinutes, statistic: 'Sum' }),
        threshold: 1,
        evaluationPeriods: 1,
        alarmDescription: `An inference function crashed, timed out, ran out of memory or could not open its model: its log says why. The messages come back after ${workerVisibilitySeconds / 60} minute if it had opened its model, otherwise after ${visibilitySeconds.tokens / 60}; at most ${maxReceiveCount} times.`,
      });
    }
    const costBrakeName = `${Stack.of(this).stackName}-CostBrake`;
    const storageDeniedName = `${Stack.of(this).stackName}-StorageDenied`;
    this.costBrakeNames = [costBrakeName, storageDeniedName];
    this.alarm('StorageDenied', {
      alarmName: storageDeniedName,
      metric: new Metric({
        namespace,
        metricName: metricNames.storageDenied,
        dimensionsMap: { service: 'storage' },
        statistic: 'Sum',
        period: Duration.minutes(1),
      }),
      threshold: 1,
      evaluationPeriods: 1,
      alarmDescription:
        'A bucket or its KMS key denies access. The cost brake has stopped the stack, so that no message is dead-lettered: the log names bucket, action and role (storage_denied). Grant access, then run igpt doctor --release.',
    });
    this.alarm('CostBrake', {
      alarmName: costBrakeName,
      metric: math('IF(FILL(running, 0) > 0, 1, 0) - IF(finished > 0, 1)', runningPeriod, {
        running: runningTasks,
        // A message is deleted after the outcomes of its pictures are stored.
        finished: queues.tokens.metricNumberOfMessagesDeleted({ statistic: 'Sum' }),
      }),
      threshold: 1,
      // Workers: 30 minutes. Functions: 45, because the five deliveries of one bad message take up to 14 minutes, which can lie in
      // two periods.
      evaluationPeriods: infer === undefined ? 6 : 3,
      alarmDescription:
        'Workers or inference functions run but store no outcomes. The cost brake has stopped the stack; igpt doctor --release starts it again.',
    });
  }

  private alarm(id: string, choices: AlarmChoices): void {
    const alarm = new Alarm(this, id, {
      ...choices,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    const action = new SnsAction(this.topic);
    alarm.addAlarmAction(action);
    alarm.addOkAction(action);
  }
}

interface AlarmChoices {
  alarmName?: string;
  metric: IMetric;
  threshold: number;
  evaluationPeriods: number;
  alarmDescription: string;
}

function math(expression: string, period: Duration, usingMetrics: Record<string, IMetric>): MathExpression {
  return new MathExpression({ expression, period, usingMetrics });
}
