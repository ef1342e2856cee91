import type { Template } from 'aws-cdk-lib/assertions';
import { type Properties, resource } from './synthesize.ts';

/** An alarm over outstanding messages, and what its policy makes of them. */
export interface Rules {
  work: { threshold: number; steps: readonly Step[] };
  empty: { threshold: number; periods: number; steps: readonly Step[] };
}

/** From `lower` to below `upper`, relative to the alarm's threshold. */
interface Step {
  lower: number;
  upper: number;
  tasks: number;
}

/** Reads the rules of the main service from its template. */
export function readRules(template: Template): Rules {
  const alarm = (name: string) => resource(template, 'AWS::CloudWatch::Alarm', name).properties;
  const steps = (name: string): Step[] =>
    resource(
      template,
      'AWS::ApplicationAutoScaling::ScalingPolicy',
      name,
    ).properties.StepScalingPolicyConfiguration.StepAdjustments.map((step: Properties) => ({
      lower: step.MetricIntervalLowerBound ?? Number.NEGATIVE_INFINITY,
      upper: step.MetricIntervalUpperBound ?? Number.POSITIVE_INFINITY,
      tasks: step.ScalingAdjustment,
    }));
  const { Threshold: atLeast } = alarm('ScalingWork');
  const { Threshold: atMost, EvaluationPeriods: periods } = alarm('ScalingEmpty');
  return {
    work: { threshold: atLeast, steps: steps('ScalingSteps') },
    empty: { threshold: atMost, periods, steps: steps('ScalingEmptySteps') },
  };
}

export interface Weather {
  minutes: number;
  /** Messages that arrive in a minute. */
  arrivals(minute: number): number;
  /** Messages that a task finishes in a minute. Default 1. */
  perTaskAndMinute?: number;
  /** Preprocess sets the desired count to 1 when it sends and there is no task. Default false. */
  wake?: boolean;
  /** Minutes until a data point can be seen. Default 1. */
  delay?: number;
  /** No data point for this minute, ever. */
  silent?(minute: number): boolean;
}

/** A task takes so long from its start to its first message, minutes. */
const startMinutes = 4;

/**
 * Minute by minute: messages come, tasks finish some, a data point is written or not, and both alarms look at those
 * that can be seen. Missing data is not breaching. Returns tasks and outstanding messages after each minute.
 */
export function simulate(rules: Rules, weather: Weather): { tasks: number[]; outstanding: number[] } {
  const { perTaskAndMinute = 1, wake = false, delay = 1, silent = () => false } = weather;
  const points: (number | undefined)[] = [];
  const tasks: number[] = [];
  const outstanding: number[] = [];
  let desired = 0;
  let messages = 0;
  let startedAt: number[] = [];
  for (let minute = 0; minute < weather.minutes; minute++) {
    const arrived = weather.arrivals(minute);
    messages += arrived;
    if (wake && arrived > 0 && desired === 0) desired = 1;
    startedAt = Array.from({ length: desired }, (_, index) => startedAt[index] ?? minute);
    const working = startedAt.filter((start) => minute - start >= startMinutes).length;
    messages -= Math.min(messages, working * perTaskAndMinute);
    points.push(silent(minute) ? undefined : messages);

    const now = points[minute - delay];
    if (now !== undefined && now >= rules.work.threshold) {
      desired = adjust(rules.work.steps, now - rules.work.threshold, desired);
    }
    const { periods, threshold, steps } = rules.empty;
    const last = Array.from({ length: periods }, (_, back) => points[minute - delay - back]);
    if (last.every((point) => point !== undefined && point <= threshold)) desired = adjust(steps, 0, desired);
    tasks.push(desired);
    outstanding.push(messages);
  }
  return { tasks, outstanding };
}

/** A step that ends at 0 holds for 0, too: for an alarm that watches from above, upper bounds are inclusive. */
function adjust(steps: readonly Step[], above: number, desired: number): number {
  const step =
    steps.find(({ lower, upper }) => above >= lower && above < upper) ?? steps.find(({ upper }) => above <= upper);
  return step?.tasks ?? desired;
}
