import { Duration, Stack } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { DeploymentConfig } from '../../lib/contracts/deployment-settings.ts';
import type { Meter } from '../../lib/contracts/meters.ts';
import { acknowledgeWildcards } from './acknowledge.ts';
import type { CostBrake } from './cost-brake.ts';
import { functionBundle } from './function-bundle.ts';
import { logGroup } from './log-group.ts';
import { allow, publish } from './permissions.ts';

export interface DailyLimitProps {
  config: DeploymentConfig;
  maxUsdPerDay: number;
  /** What the stack pays for. */
  meters: readonly Meter[];
  brake: CostBrake;
  /** Is told when the limit is reached. */
  topic: Topic;
}

/** Times in a row that the function fails before the alarm: 15 minutes. */
const failures = 3;

/**
 * Holds the cost brake for the rest of the UTC day when the stack has spent its limit, and releases it at midnight.
 *
 * A function adds up the day's metrics every five minutes. An alarm cannot: with a sliding window of 24 hours it would
 * not begin at midnight, and a wall-clock window is evaluated when its day is over. Source: CloudWatch User Guide,
 * "Alarm evaluation window".
 */
export class DailyLimit extends Construct {
  constructor(scope: Construct, id: string, { config, maxUsdPerDay, meters, brake, topic }: DailyLimitProps) {
    super(scope, id);
    const log = logGroup(this, 'Log', config.logRetentionDays);
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    const machines = [brake.hold.stateMachineArn, brake.release.stateMachineArn];
    const readMetrics = allow(['cloudwatch:GetMetricStatistics'], ['*']);
    role.addToPolicy(readMetrics);
    role.addToPolicy(allow(['states:ListExecutions', 'states:StartExecution'], machines));
    role.addToPolicy(publish(topic));
    log.grantWrite(role);
    acknowledgeWildcards(role, [readMetrics], 'GetMetricStatistics takes no resource.');

    const handler = new NodejsFunction(this, 'Handler', {
      ...functionBundle({ architecture: config.architecture, handler: 'functions/limit/handler.ts', programs: [] }),
      description: 'Image GPT: stops the stack at its daily limit',
      memorySize: 256,
      timeout: Duration.minutes(1),
      environment: {
        MAX_USD_PER_DAY: String(maxUsdPerDay),
        METERS: Stack.of(this).toJsonString(meters),
        HOLD_ARN: brake.hold.stateMachineArn,
        RELEASE_ARN: brake.release.stateMachineArn,
        ALARM_TOPIC_ARN: topic.topicArn,
        STACK_NAME: config.stackName,
      },
      role,
      logGroup: log,
    });
    new Rule(this, 'Schedule', {
      description: 'Image GPT daily limit',
      // At 00:00 UTC too, which releases.
      schedule: Schedule.cron({ minute: '0/5' }),
      targets: [new LambdaFunction(handler)],
    });

    const period = Duration.minutes(5);
    const alarm = new Alarm(this, 'Failed', {
      metric: handler.metricErrors({ period, statistic: 'Sum' }),
      threshold: 1,
      evaluationPeriods: failures,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: TreatMissingData.NOT_BREACHING,
      alarmDescription: `The daily limit of ${maxUsdPerDay} USD is not enforced: its function fails. Its log says why.`,
    });
    const action = new SnsAction(topic);
    alarm.addAlarmAction(action);
    alarm.addOkAction(action);
  }
}
