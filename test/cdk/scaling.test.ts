import { describe, expect, test } from 'vitest';
import { onDemandSteps, scalingSteps } from '../../cdk/constructs/scaling.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { readRules, simulate } from './simulated-scaling.ts';
import { imageGptTemplate, resource } from './synthesize.ts';

const template = imageGptTemplate();
const cpu = imageGptTemplate({ compute: 'cpu' });
const alarm = (name: string) => resource(template, 'AWS::CloudWatch::Alarm', name).properties;
const minutes = (hours: number) => hours * 60;

test('each service may have 0 to 4 tasks', () => {
  template.resourceCountIs('AWS::ApplicationAutoScaling::ScalableTarget', 2);
  cpu.resourceCountIs('AWS::ApplicationAutoScaling::ScalableTarget', 1);
  template.allResourcesProperties('AWS::ApplicationAutoScaling::ScalableTarget', {
    MinCapacity: 0,
    MaxCapacity: 4,
    ScalableDimension: 'ecs:service:DesiredCount',
    ServiceNamespace: 'ecs',
  });
});

test('policies set exact numbers', () => {
  for (const { Properties } of Object.values(template.findResources('AWS::ApplicationAutoScaling::ScalingPolicy'))) {
    expect(Properties).toMatchObject({
      PolicyType: 'StepScaling',
      StepScalingPolicyConfiguration: { AdjustmentType: 'ExactCapacity' },
    });
  }
});

test.each(['ScalingWork', 'ScalingEmpty'])('%s counts visible messages and those in flight, every minute', (name) => {
  const { Metrics: metrics, TreatMissingData } = alarm(name);
  const [sum, ...terms] = metrics;

  expect(sum.Expression).toBe('visible + inFlight');
  expect(terms.map(({ MetricStat: { Metric, Period } }: (typeof metrics)[0]) => [Metric.MetricName, Period])).toEqual([
    ['ApproximateNumberOfMessagesVisible', 60],
    ['ApproximateNumberOfMessagesNotVisible', 60],
  ]);
  expect(TreatMissingData).toBe('notBreaching');
});

test('tasks start after one minute with messages, and end after ten without', () => {
  expect(alarm('ScalingWork')).toMatchObject({ Threshold: 1, EvaluationPeriods: 1 });
  expect(alarm('ScalingEmpty')).toMatchObject({ Threshold: 0, EvaluationPeriods: 10 });
});

test('on-demand tasks start when tokens have waited for 15 minutes', () => {
  expect(alarm('ScalingLate')).toMatchObject({
    MetricName: 'ApproximateAgeOfOldestMessage',
    Threshold: 900,
    TreatMissingData: 'notBreaching',
  });
});

test('an empty queue ends the tasks of both services', () => {
  expect(alarm('ScalingEmpty').AlarmActions).toHaveLength(2);
});

test('there is one task for every 50 outstanding messages, rounded up', () => {
  expect(scalingSteps(50, 3)).toEqual([
    { lower: 1, tasks: 1 },
    { lower: 51, tasks: 2 },
    { lower: 101, tasks: 3 },
  ]);
});

test('20 tasks are 20 steps, the most that a policy may have', () => {
  expect(scalingSteps(1, 20)).toHaveLength(20);
});

test('on-demand tasks start after 15 minutes: first one, then half, then all', () => {
  expect(onDemandSteps(8)).toEqual([
    { lower: 900, tasks: 1 },
    { lower: 3600, tasks: 4 },
    { lower: 14_400, tasks: 8 },
  ]);
});

test('steps without a change are left out', () => {
  expect(onDemandSteps(1)).toEqual([{ lower: 900, tasks: 1 }]);
  expect(onDemandSteps(2)).toEqual([
    { lower: 900, tasks: 1 },
    { lower: 14_400, tasks: 2 },
  ]);
});

describe('a simulation of the template’s alarms and policies', () => {
  const rules = readRules(template);

  test('a burst starts all tasks, and all end after it', () => {
    const { tasks } = simulate(rules, { minutes: minutes(3), arrivals: (minute) => (minute === 5 ? 400 : 0) });

    expect(Math.max(...tasks)).toBe(4);
    expect(tasks.at(-1)).toBe(0);
  });

  test('a message in flight for an hour keeps its task', () => {
    const { tasks } = simulate(rules, {
      minutes: 60,
      arrivals: (minute) => (minute === 0 ? 1 : 0),
      perTaskAndMinute: 0,
      wake: true,
    });

    expect(tasks.every((count) => count === 1)).toBe(true);
  });

  test('after six idle hours the woken task works on while metrics are missing for 15 minutes', () => {
    const { tasks, outstanding } = simulate(rules, {
      minutes: 90,
      arrivals: (minute) => (minute === 0 ? 60 : 0),
      perTaskAndMinute: 2,
      wake: true,
      silent: (minute) => minute < 15,
    });

    expect(tasks.slice(0, 15).every((count) => count === 1)).toBe(true);
    expect(outstanding.at(-1)).toBe(0);
    expect(tasks.at(-1)).toBe(0);
  });

  test('missing metrics change nothing', () => {
    const { tasks } = simulate(rules, {
      minutes: minutes(8),
      arrivals: () => 1,
      wake: true,
      silent: () => true,
    });

    expect(tasks.every((count) => count === 1)).toBe(true);
  });

  test('with late and missing metrics, tasks end only after ten empty minutes, and all work is done', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = seededRandom(seed);
      const delay = Math.floor(random() * 4);
      const lost = random() * 0.3;
      const bursts = new Map(
        Array.from({ length: 5 }, () => [Math.floor(random() * minutes(6)), Math.ceil(random() * 300)]),
      );
      const { tasks, outstanding } = simulate(rules, {
        minutes: minutes(16),
        arrivals: (minute) => bursts.get(minute) ?? 0,
        wake: true,
        delay,
        silent: () => random() < lost,
      });

      expect(outstanding.at(-1), `seed ${seed}`).toBe(0);
      expect(tasks.at(-1), `seed ${seed}`).toBe(0);
      tasks.forEach((count, minute) => {
        if (count > 0 || (tasks[minute - 1] ?? 0) === 0) return;
        const seen = outstanding.slice(Math.max(minute - delay - 9, 0), minute - delay + 1);
        expect(Math.max(...seen), `seed ${seed}, minute ${minute}`).toBe(0);
      });
    }
  });
});
