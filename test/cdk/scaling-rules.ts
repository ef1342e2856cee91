import type { Template } from 'aws-cdk-lib/assertions';
import { metricMath, type Series } from './metric-math.ts';
import type { Properties } from './synthesize.ts';

export type ServiceName = 'main' | 'onDemand';

/** An alarm that changes numbers of tasks. */
export interface Rule {
  name: string;
  threshold: number;
  breaches(value: number): boolean;
  /** Data points in a row that must reach the threshold. */
  periods: number;
  /** What the alarm watches, of metrics by their names in CloudWatch. */
  value(metrics: (name: string) => Series): Series;
  policies: readonly Policy[];
}

/** A policy that sets or adds a number of tasks. */
export interface Policy {
  name: string;
  service: ServiceName;
  cooldownMinutes: number;
  /** Whether it adds tasks, and does not set their number. */
  adds: boolean;
  /** Tasks for a value that is `above` the alarm's threshold, where `current` tasks are desired. */
  tasks(above: number, current: number): number | undefined;
}

/** Reads every alarm with a scaling policy from a template. */
export function readRules(template: Template): Rule[] {
  const policies: Readonly<Record<string, Properties>> = template.findResources(
    'AWS::ApplicationAutoScaling::ScalingPolicy',
  );
  const [{ Properties: target } = {}]: Properties[] = Object.values(
    template.findResources('AWS::ApplicationAutoScaling::ScalableTarget'),
  );
  const maxTasks = target.MaxCapacity;
  return Object.entries(template.findResources('AWS::CloudWatch::Alarm')).flatMap(
    ([name, { Properties: alarm }]: [string, Properties]) => {
      const actions = alarm.AlarmActions.flatMap(({ Ref: id }: Properties) =>
        id in policies ? [readPolicy(id, policies[id].Properties, maxTasks)] : [],
      );
      return actions.length === 0 ? [] : [readRule(name, alarm, actions)];
    },
  );
}

const comparisons: Readonly<Record<string, (value: number, threshold: number) => boolean>> = {
  GreaterThanOrEqualToThreshold: (value, threshold) => value >= threshold,
  GreaterThanThreshold: (value, threshold) => value > threshold,
  LessThanThreshold: (value, threshold) => value < threshold,
};

function readRule(name: string, alarm: Properties, policies: readonly Policy[]): Rule {
  const { ComparisonOperator, TreatMissingData, Threshold, EvaluationPeriods, DatapointsToAlarm } = alarm;
  const Metrics = alarm.Metrics ?? [{ Expression: 'm' }, { Id: 'm', MetricStat: { ...alarm, Metric: alarm } }];
  const known =
    ComparisonOperator in comparisons && TreatMissingData === 'notBreaching' && DatapointsToAlarm === undefined;
  if (!known) throw new RangeError(`The simulation does not know alarms like ${name}.`);
  const expression = Metrics.find(({ Expression }: Properties) => Expression !== undefined);
  const stats = Metrics.filter(({ MetricStat }: Properties) => MetricStat !== undefined);
  if (stats.some(({ MetricStat }: Properties) => MetricStat.Period !== 60)) {
    throw new RangeError(`Expected periods of 60 s in ${name}.`);
  }
  return {
    name,
    threshold: Threshold,
    breaches: (value) => comparisons[ComparisonOperator]?.(value, Threshold) ?? false,
    periods: EvaluationPeriods,
    value: (metrics) =>
      metricMath(
        expression.Expression,
        Object.fromEntries(stats.map(({ Id, MetricStat }: Properties) => [Id, metrics(MetricStat.Metric.MetricName)])),
      ),
    policies,
  };
}

function readPolicy(name: string, policy: Properties, maxTasks: number): Policy {
  const { AdjustmentType, StepAdjustments, Cooldown } = policy.StepScalingPolicyConfiguration;
  const exact = AdjustmentType === 'ExactCapacity';
  if (!exact && AdjustmentType !== 'ChangeInCapacity') throw new RangeError(`${name} has another adjustment.`);
  return {
    name,
    service: policy.ScalingTargetId.Ref.includes('OnDemand') ? 'onDemand' : 'main',
    cooldownMinutes: Cooldown / 60,
    adds: !exact,
    tasks: (above, current) => {
      const step = StepAdjustments.find(
        ({ MetricIntervalLowerBound: lower, MetricIntervalUpperBound: upper }: Properties) =>
          above >= (lower ?? Number.NEGATIVE_INFINITY) && above < (upper ?? Number.POSITIVE_INFINITY),
      );
      if (step === undefined) return undefined;
      return exact ? step.ScalingAdjustment : Math.min(current + step.ScalingAdjustment, maxTasks);
    },
  };
}
