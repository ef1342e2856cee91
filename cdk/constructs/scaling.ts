import { Duration, Stack } from 'aws-cdk-lib';
import {
  AdjustmentType,
  MetricAggregationType,
  ScalableTarget,
  ServiceNamespace,
  StepScalingAction,
} from 'aws-cdk-lib/aws-applicationautoscaling';
import {
  Alarm,
  ComparisonOperator,
  type IAlarmAction,
  type IMetric,
  MathExpression,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { ApplicationScalingAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { BaseService } from 'aws-cdk-lib/aws-ecs';
import { Role } from 'aws-cdk-lib/aws-iam';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { emptyMinutes } from '../../lib/contracts/deployment-settings.ts';

export interface ScalingProps {
  tokens: Queue;
  /** Scales with the outstanding messages. */
  service: BaseService;
  onDemand?: OnDemandProps | undefined;
  messagesPerTask: number;
  /** Most tasks of each service. */
  maxTasks: number;
}

/** The service that stands in for Spot. */
export interface OnDemandProps {
  service: BaseService;
  /** Reservation of the Spot capacity provider (percent): above 100 while a task waits for an instance. */
  spotReservation: IMetric;
}

/** A service, and its name in Application Auto Scaling. */
export interface ServiceTarget {
  resourceId: string;
  serviceArn: string;
}

/** Period of metrics and alarms: the shortest that SQS offers. */
const period = Duration.minutes(1);

/**
 * CloudWatch repeats an alarm's scaling action every minute that the alarm lasts, which is minutes longer than the tasks
 * that it ends: metrics are late. During the cooldown a repeated action does not end what preprocess wakes.
 * Sources: CloudWatch User Guide, "Using Amazon CloudWatch alarms": Auto Scaling actions are invoked once per minute that
 * the alarm remains in the new state. Application Auto Scaling API, StepScalingPolicyConfiguration: scale-in is blocked
 * until the cooldown has expired, scale-out is not.
 */
const endCooldown = Duration.minutes(15);

/**
 * Minutes in which tasks wait for a Spot instance and none arrives, before an on-demand task starts. A healthy start takes
 * five minutes.
 */
const onDemandAfterMinutes = 15;

/** While Spot cannot be had, one more on-demand task starts after each of these. */
const onDemandGrowth = Duration.minutes(30);

/** A message of this age shows that workers do not keep up (seconds): they finish one within a minute. */
const oldSeconds = 120;

/** Minutes without an old message before on-demand tasks end. */
const recoveredMinutes = 10;

/**
 * Sets the number of tasks in steps, by outstanding messages: visible ones and those in flight. With visible messages
 * alone, a task that has received the last messages would be ended while it works. Step scaling is used because target
 * tracking rejects such a sum. Missing data changes nothing: SQS metrics stop after six idle hours and return late.
 *
 * The expressions must hold in two ways, because the documentation leaves both open: SQS may or may not report that no
 * message is in flight, and any data point may be late. Sources: Amazon SQS Developer Guide, "Available CloudWatch metrics
 * for Amazon SQS": in-flight messages are reported if some exist, the age if the queue has a message, visible messages if
 * the queue is active. CloudWatch User Guide, "Using math expressions with CloudWatch metrics": of two time series, the
 * one without data counts as 0; IF without a third value drops the point. "Configuring how CloudWatch alarms treat missing
 * data": an alarm skips missing points while enough others exist.
 */
export class Scaling extends Construct {
  /** One for each service, for the cost brake. */
  readonly targets: readonly ServiceTarget[];

  constructor(scope: Construct, id: string, props: ScalingProps) {
    super(scope, id);
    const { tokens, service, onDemand, messagesPerTask, maxTasks } = props;
    const target = this.target('Target', service, maxTasks);
    const toZero = [this.toZero('Empty', target)];
    this.alarm('Work', {
      metric: outstandingMessages(tokens),
      threshold: 1,
      evaluationPeriods: 1,
      alarmDescription: 'Not a fault: starts workers while the tokens queue has messages, visible or in flight.',
      actions: [this.steps('Steps', target, scalingSteps(messagesPerTask, maxTasks), 1)],
    });
    this.targets = [targetOf(service)];

    if (onDemand !== undefined) {
      const onDemandTarget = this.target('OnDemandTarget', onDemand.service, maxTasks);
      this.replaceSpot(onDemandTarget, tokens, onDemand.spotReservation);
      toZero.push(this.toZero('OnDemandEmpty', onDemandTarget));
      this.targets = [...this.targets, targetOf(onDemand.service)];
    }
    this.alarm('Empty', {
      // Only while tasks run: otherwise the alarm would stay for hours, and its repeated action would undo every wake. A
      // task that waits for messages receives none at least three times a minute; one that still starts does not receive.
      // Not FILL, which would make the newest minute busy for as long as its data is late.
      metric: new MathExpression({
        expression: 'IF(emptyReceives > 0, 1, 0) - IF(inFlight > 0, 1)',
        label: 'Idle workers',
        period,
        usingMetrics: {
          emptyReceives: tokens.metricNumberOfEmptyReceives({ period, statistic: 'Sum' }),
          inFlight: messages(tokens).inFlight,
        },
      }),
      threshold: 1,
      evaluationPeriods: emptyMinutes,
      alarmDescription: `Not a fault: ends all workers when they had no messages for ${emptyMinutes} minutes.`,
      actions: toZero,
    });
  }

  /**
   * Starts on-demand tasks when Spot cannot be had, and ends them when the backlog has recovered. Both alarms repeat their
   * action every minute, so they exclude each other: one needs 15 minutes with an old message, the other 10 without. A
   * minute without an age has no message, or its data is late: it is skipped by the one and not old for the other.
   */
  private replaceSpot(target: ScalableTarget, tokens: Queue, reservation: IMetric): void {
    const age = tokens.metricApproximateAgeOfOldestMessage({ period, statistic: 'Maximum' });
    const oneMore = new StepScalingAction(this, 'OnDemandSteps', {
      scalingTarget: target,
      adjustmentType: AdjustmentType.CHANGE_IN_CAPACITY,
      metricAggregationType: MetricAggregationType.MAXIMUM,
      cooldown: onDemandGrowth,
    });
    oneMore.addAdjustment({ adjustment: 1, lowerBound: 0 });
    this.alarm('NoSpot', {
      // Every scale-out lifts the reservation over 100 for minutes, and several in a row for longer. So a minute in which
      // it falls breaks the row: an instance has arrived, or fewer are needed. Without any instance it is always 200.
      // Sources: AWS Containers Blog, "Deep Dive on Amazon ECS Cluster Auto Scaling": needed / running * 100, and 200 if
      // tasks need an instance and none runs. CloudWatch User Guide, "Using math expressions with CloudWatch metrics":
      // DIFF is the difference to the preceding value, and not among the functions that it advises against in alarms.
      metric: new MathExpression({
        expression: `IF(DIFF(reservation) < 0, 100, IF(age < ${oldSeconds}, 100, reservation))`,
        label: 'Spot reservation while messages wait',
        period,
        usingMetrics: { reservation, age },
      }),
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      threshold: 100,
      evaluationPeriods: onDemandAfterMinutes,
      alarmDescription: `Not a fault: starts an on-demand worker when no Spot instance could be had for ${onDemandAfterMinutes} minutes.`,
      actions: [new ApplicationScalingAction(oneMore)],
    });
    this.alarm('Recovered', {
      metric: new MathExpression({
        expression: 'FILL(age, 0)',
        label: 'Age of the oldest message',
        period,
        usingMetrics: { age },
      }),
      comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
      threshold: oldSeconds,
      evaluationPeriods: recoveredMinutes,
      alarmDescription: `Not a fault: ends on-demand workers when no message was older than ${oldSeconds / 60} minutes for ${recoveredMinutes} minutes.`,
      actions: [this.toZero('Recovered', target, 'below')],
    });
  }

  private target(id: string, service: BaseService, maxCapacity: number): ScalableTarget {
    return new ScalableTarget(this, id, {
      serviceNamespace: ServiceNamespace.ECS,
      resourceId: resourceId(service),
      scalableDimension: 'ecs:service:DesiredCount',
      minCapacity: 0,
      maxCapacity,
      role: Role.fromRoleArn(
        this,
        `${id}Role`,
        // The service-linked role, which Application Auto Scaling creates.
        Stack.of(this).formatArn({
          service: 'iam',
          region: '',
          resource: 'role/aws-service-role/ecs.application-autoscaling.amazonaws.com',
          resourceName: 'AWSServiceRoleForApplicationAutoScaling_ECSService',
        }),
      ),
    });
  }

  /** A policy with `steps`, whose bounds are relative to the alarm's threshold. */
  private steps(id: string, target: ScalableTarget, steps: readonly ScalingStep[], threshold: number): IAlarmAction {
    const action = exactCapacity(this, id, target, period);
    steps.forEach(({ lower, tasks }, index) => {
      const next = steps[index + 1];
      action.addAdjustment({
        adjustment: tasks,
        lowerBound: lower - threshold,
        ...(next && { upperBound: next.lower - threshold }),
      });
    });
    return new ApplicationScalingAction(action);
  }

  /** @param side of the alarm's threshold on which it breaches */
  private toZero(id: string, target: ScalableTarget, side: 'above' | 'below' = 'above'): IAlarmAction {
    const action = exactCapacity(this, `${id}Steps`, target, endCooldown);
    action.addAdjustment({ adjustment: 0, ...(side === 'above' ? { lowerBound: 0 } : { upperBound: 0 }) });
    return new ApplicationScalingAction(action);
  }

  private alarm(id: string, { actions, ...alarm }: AlarmChoices): void {
    new Alarm(this, id, {
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      ...alarm,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    }).addAlarmAction(...actions);
  }
}

interface AlarmChoices {
  metric: IMetric;
  comparisonOperator?: ComparisonOperator;
  threshold: number;
  evaluationPeriods: number;
  alarmDescription: string;
  actions: IAlarmAction[];
}

function resourceId(service: BaseService): string {
  return `service/${service.cluster.clusterName}/${service.serviceName}`;
}

function targetOf(service: BaseService): ServiceTarget {
  return { resourceId: resourceId(service), serviceArn: service.serviceArn };
}

/** Messages that are visible or in flight. Without a number of visible ones there is no sum: it would be too low. */
export function outstandingMessages(queue: Queue): MathExpression {
  return new MathExpression({
    expression: 'IF(visible >= 0, visible + inFlight)',
    label: 'Outstanding messages',
    period,
    usingMetrics: messages(queue),
  });
}

function messages(queue: Queue) {
  return {
    visible: queue.metricApproximateNumberOfMessagesVisible({ period, statistic: 'Maximum' }),
    inFlight: queue.metricApproximateNumberOfMessagesNotVisible({ period, statistic: 'Maximum' }),
  };
}

function exactCapacity(scope: Construct, id: string, scalingTarget: ScalableTarget, cooldown: Duration) {
  return new StepScalingAction(scope, id, {
    scalingTarget,
    adjustmentType: AdjustmentType.EXACT_CAPACITY,
    metricAggregationType: MetricAggregationType.MAXIMUM,
    cooldown,
  });
}

/** One step of a scaling policy: run exactly `tasks` from `lower` up to the next step's `lower`. */
interface ScalingStep {
  lower: number;
  tasks: number;
}

/**
 * Tasks by outstanding messages: one task for every `messagesPerTask`, rounded up, at most `maxTasks`. Zero
 * messages have no step: tasks end only after {@link emptyMinutes}.
 */
export function scalingSteps(messagesPerTask: number, maxTasks: number): ScalingStep[] {
  return Array.from({ length: maxTasks }, (_, index) => ({
    lower: index === 0 ? 1 : index * messagesPerTask + 1,
    tasks: index + 1,
  }));
}
