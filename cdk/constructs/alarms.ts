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
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import { metricNames } from '../../lib/contracts/metrics.ts';
import type { Queues } from './queues.ts';
import type { Results } from './results.ts';

export interface AlarmsProps {
  queues: Queues;
  results: Results;
  /** Above 0 while a task runs. */
  runningTasks: IMetric;
  /** Namespace of the processes' own metrics. */
  namespace: string;
  email?: string | undefined;
}

const fiveMinutes = Duration.minutes(5);

/** The rate of fewer is chance. */
const leastPictures = 20;
const failedPercent = 20;

/**
 * Tells when somebody is needed. CloudWatch bills each metric of an alarm, 16 in the whole stack with the scaling's:
 * what only a consumer or a backfill feels is on the dashboard instead.
 */
export class Alarms extends Construct {
  readonly topic: Topic;
  /** Name of the alarm that says: tasks run and nothing comes of it. */
  readonly costBrakeName: string;

  constructor(scope: Construct, id: string, { queues, results, runningTasks, namespace, email }: AlarmsProps) {
    super(scope, id);
    this.topic = new Topic(this, 'Topic', { displayName: 'Image GPT alarms', enforceSSL: true });
    // CloudWatch cannot use SNS's own key; nothing but the alarms' text goes through here.
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
      alarmDescription: 'Messages that could not be processed: a crash, or nothing of ours. See igpt redrive.',
    });
    this.alarm('Waiting3Days', {
      metric: math('MAX([uploads, tokens])', fiveMinutes, {
        uploads: queues.uploads.metricApproximateAgeOfOldestMessage({ statistic: 'Maximum' }),
        tokens: queues.tokens.metricApproximateAgeOfOldestMessage({ statistic: 'Maximum' }),
      }),
      threshold: Duration.days(3).toSeconds(),
      evaluationPeriods: 1,
      alarmDescription: 'Work has waited for 3 days; after 7 it is lost and igpt backfill must find it again.',
    });
    this.alarm('UploadsWaiting', {
      metric: queues.uploads.metricApproximateAgeOfOldestMessage({ period: fiveMinutes, statistic: 'Maximum' }),
      threshold: Duration.hours(1).toSeconds(),
      evaluationPeriods: 1,
      alarmDescription: 'Uploads have waited for an hour: preprocess fails, is throttled or is held.',
    });
    this.alarm('FailureRate', {
      metric: math(
        `IF(published >= ${leastPictures}, 100 * (published - FILL(succeeded, 0)) / published, 0)`,
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
      threshold: failedPercent,
      evaluationPeriods: 1,
      alarmDescription: `Percent of an hour's outcomes that are failures. The outcomes say why.`,
    });
    this.alarm('NobodyWorks', {
      metric: math('IF(waiting > 0 AND FILL(inFlight, 0) == 0, 1, 0)', fiveMinutes, {
        waiting: queues.tokens.metricApproximateNumberOfMessagesVisible({ statistic: 'Minimum' }),
        // Not the ones received: a slow model is at the same messages for longer than this.
        inFlight: queues.tokens.metricApproximateNumberOfMessagesNotVisible({ statistic: 'Maximum' }),
      }),
      threshold: 1,
      // 15 minutes.
      evaluationPeriods: 3,
      alarmDescription:
        'Tokens wait and no task takes them: no instance to be had, the worker cannot start (no GPU, another model), or the cost brake holds.',
    });
    this.costBrakeName = `${Stack.of(this).stackName}-CostBrake`;
    this.alarm('CostBrake', {
      alarmName: this.costBrakeName,
      metric: math('IF(FILL(running, 0) > 0 AND FILL(finished, 0) == 0, 1, 0)', fiveMinutes, {
        running: runningTasks,
        // Acknowledged last: a message is deleted when the outcomes of its pictures are stored.
        finished: queues.tokens.metricNumberOfMessagesDeleted({ statistic: 'Sum' }),
      }),
      threshold: 1,
      // 30 minutes.
      evaluationPeriods: 6,
      alarmDescription: 'Tasks run and no outcome comes: everything is held until igpt doctor --release.',
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
