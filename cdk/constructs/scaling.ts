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

export interface ScalingProps {
  tokens: Queue;
  /** Scales with the outstanding messages. */
  service: BaseService;
  /** Scales with the age of the oldest message. */
  onDemandService?: BaseService | undefined;
  messagesPerTask: number;
  /** Most tasks of each service. */
  maxTasks: number;
}

/** A service, and its name in Application Auto Scaling. */
export interface ServiceTarget {
  resourceId: string;
  serviceArn: string;
}

/** Period of metrics and alarms: the shortest that SQS offers. */
const period = Duration.minutes(1);

/**
 * Minutes without outstanding messages before the tasks end. A GPU instance takes about four minutes to start, so it is
 * kept for the next pictures a little longer than that.
 */
const emptyMinutes = 10;

/** Minutes that the oldest message of the tokens queue waits for Spot before on-demand tasks start. */
const onDemandAfterMinutes = 15;

/**
 * Sets the number of tasks in steps, by outstanding messages: visible ones and those in flight. With visible messages
 * alone, a task that has received the last messages would be ended while it works. Step scaling is used because target
 * tracking rejects such a sum. Missing data changes nothing: SQS metrics stop after six idle hours and return late.
 */
export class Scaling extends Construct {
  /** One for each service, for the cost brake. */
  readonly targets: readonly ServiceTarget[];

  constructor(scope: Construct, id: string, props: ScalingProps) {
    super(scope, id);
    const { tokens, service, onDemandService, messagesPerTask, maxTasks } = props;
    const outstanding = outstandingMessages(tokens);
    const target = this.target('Target', service, maxTasks);
    const toZero = [this.toZero('Empty', target)];
    this.alarm('Work', {
      metric: outstanding,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      threshold: 1,
      evaluationPeriods: 1,
      alarmDescription: 'Not a fault: starts workers while the tokens queue has messages, visible or in flight.',
      actions: [this.steps('Steps', target, scalingSteps(messagesPerTask, maxTasks), 1)],
    });
    this.targets = [targetOf(service)];

    if (onDemandService !== undefined) {
      const onDemand = this.target('OnDemandTarget', onDemandService, maxTasks);
      const seconds = onDemandAfterMinutes * 60;
      this.alarm('Late', {
        metric: tokens.metricApproximateAgeOfOldestMessage({ period, statistic: 'Maximum' }),
        comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        threshold: seconds,
        evaluationPeriods: 1,
        alarmDescription: 'Not a fault: starts on-demand workers when tokens have waited too long for Spot instances.',
        actions: [this.steps('OnDemandSteps', onDemand, onDemandSteps(maxTasks), seconds)],
      });
      toZero.push(this.toZero('OnDemandEmpty', onDemand));
      this.targets = [...this.targets, targetOf(onDemandService)];
    }
    this.alarm('Empty', {
      metric: outstanding,
      comparisonOperator: ComparisonOperator.LESS_THAN_OR_EQUAL_TO_THRESHOLD,
      threshold: 0,
      evaluationPeriods: emptyMinutes,
      alarmDescription: `Not a fault: ends all workers when the tokens queue has been empty for ${emptyMinutes} minutes.`,
      actions: toZero,
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
    const action = exactCapacity(this, id, target);
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

  private toZero(id: string, target: ScalableTarget): IAlarmAction {
    const action = exactCapacity(this, `${id}Steps`, target);
    action.addAdjustment({ adjustment: 0, upperBound: 0 });
    return new ApplicationScalingAction(action);
  }

  private alarm(id: string, { actions, ...alarm }: AlarmChoices): void {
    new Alarm(this, id, { ...alarm, treatMissingData: TreatMissingData.NOT_BREACHING }).addAlarmAction(...actions);
  }
}

interface AlarmChoices {
  metric: IMetric;
  comparisonOperator: ComparisonOperator;
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

/** Messages that are visible or in flight. */
export function outstandingMessages(queue: Queue): MathExpression {
  return new MathExpression({
    expression: 'visible + inFlight',
    label: 'Outstanding messages',
    period,
    usingMetrics: {
      visible: queue.metricApproximateNumberOfMessagesVisible({ period, statistic: 'Maximum' }),
      inFlight: queue.metricApproximateNumberOfMessagesNotVisible({ period, statistic: 'Maximum' }),
    },
  });
}

function exactCapacity(scope: Construct, id: string, scalingTarget: ScalableTarget): StepScalingAction {
  return new StepScalingAction(scope, id, {
    scalingTarget,
    adjustmentType: AdjustmentType.EXACT_CAPACITY,
    metricAggregationType: MetricAggregationType.MAXIMUM,
    // At most one change in a period.
    cooldown: period,
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

/**
 * On-demand tasks by the age of the oldest message (`lower` in seconds): one at first, half of `maxTasks` after an hour,
 * all after four hours.
 */
export function onDemandSteps(maxTasks: number): ScalingStep[] {
  const steps = [
    { lower: onDemandAfterMinutes * 60, tasks: 1 },
    { lower: 3600, tasks: Math.ceil(maxTasks / 2) },
    { lower: 4 * 3600, tasks: maxTasks },
  ];
  return steps.filter(({ tasks }, index) => tasks !== steps[index - 1]?.tasks);
}
