import type { Template } from 'aws-cdk-lib/assertions';
import { type Properties, resource } from './synthesize.ts';

/** The alarms on outstanding messages, with the steps of their policies. */
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

/** Reads the rules of the main service from a template. */
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
  /** Minutes until a data point is visible. Default 1. */
  delay?: number;
  /** True when the data point of a minute never appears. */
  silent?(minute: number): boolean;
}

/** Time from the start of a task to its first message (minutes). */
const startMinutes = 4;

/**
 * Simulates minutes. In each minute messages arrive, tasks finish some, a data point is written or not, and both alarms
 * evaluate the visible data points. Missing data is not breaching. Returns tasks and outstanding messages by minute.
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

/** Tasks by the step for `above`. Upper bounds are inclusive for an alarm on low values, so a step that ends at 0 includes 0. */
function adjust(steps: readonly Step[], above: number, desired: number): number {
  const step =
    steps.find(({ lower, upper }) => above >= lower && above < upper) ?? steps.find(({ upper }) => above <= upper);
  return step?.tasks ?? desired;
}
