import { describe, expect, test } from 'vitest';
import { scalingSteps } from '../../cdk/constructs/scaling.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { badMetrics, hours } from './bad-metrics.ts';
import type { Series } from './metric-math.ts';
import { readRules } from './scaling-rules.ts';
import { expectNoOnDemand, expectToWake, wakeUp } from './scaling-scenarios.ts';
import { type Minute, simulate } from './simulated-scaling.ts';
import { imageGptTemplate, resource } from './synthesize.ts';

const template = imageGptTemplate();
const cpu = imageGptTemplate({ compute: 'cpu' });
const rules = readRules(template);
const alarm = (name: string) => resource(template, 'AWS::CloudWatch::Alarm', name).properties;

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

test('scaling counts visible messages and those in flight, every minute', () => {
  const { Metrics: metrics, TreatMissingData } = alarm('ScalingWork');
  const [sum, ...terms] = metrics;

  expect(sum.Expression).toBe('IF(visible >= 0, visible + inFlight)');
  expect(terms.map(({ MetricStat: { Metric, Period } }: (typeof metrics)[0]) => [Metric.MetricName, Period])).toEqual([
    ['ApproximateNumberOfMessagesVisible', 60],
    ['ApproximateNumberOfMessagesNotVisible', 60],
  ]);
  expect(TreatMissingData).toBe('notBreaching');
});

test('tasks start after one minute with messages, and end after ten without', () => {
  expect(alarm('ScalingWork')).toMatchObject({ Threshold: 1, EvaluationPeriods: 1 });
  expect(alarm('ScalingEmpty')).toMatchObject({ Threshold: 1, EvaluationPeriods: 10 });
});

test.each([
  ['GPUs', template],
  ['Fargate', cpu],
])('on %s, the alarm that ends tasks needs tasks that receive messages', (_, of) => {
  const { Metrics: metrics } = resource(of, 'AWS::CloudWatch::Alarm', 'ScalingEmpty').properties;

  expect(metrics[0].Expression).toBe('IF(emptyReceives > 0, 1, 0) - IF(inFlight > 0, 1)');
  expect(metrics[1].MetricStat).toMatchObject({ Metric: { MetricName: 'NumberOfEmptyReceives' }, Stat: 'Sum' });
});

test('on-demand tasks start after 15 minutes in a row of a Spot reservation over 100 %', () => {
  const { Metrics: metrics, ...noSpot } = alarm('ScalingNoSpot');

  expect(noSpot).toMatchObject({
    Threshold: 100,
    ComparisonOperator: 'GreaterThanThreshold',
    EvaluationPeriods: 15,
    TreatMissingData: 'notBreaching',
  });
  expect(metrics.map(({ Expression }: (typeof metrics)[0]) => Expression)).toEqual([
    'IF(DIFF(reservation) < 0, 100, IF(age < 120, 100, reservation))',
    undefined,
    undefined,
  ]);
  expect(metrics[1].MetricStat).toMatchObject({
    Period: 60,
    Metric: {
      Namespace: 'AWS/ECS/ManagedScaling',
      MetricName: 'CapacityProviderReservation',
      Dimensions: [
        { Name: 'CapacityProviderName', Value: { Ref: expect.stringContaining('SpotCapacity') } },
        { Name: 'ClusterName' },
      ],
    },
  });
});

test('an empty queue ends the tasks of both services, a recovered backlog those on demand', () => {
  expect(alarm('ScalingEmpty').AlarmActions).toHaveLength(2);
  expect(alarm('ScalingRecovered').AlarmActions).toHaveLength(1);
  expect(alarm('ScalingRecovered').EvaluationPeriods).toBe(10);
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

describe('a simulation of the template’s alarms and policies', () => {
  test('a burst starts all tasks, and all end after it', () => {
    const { history } = simulate(rules, { minutes: hours(4), arrivals: (minute) => (minute === 5 ? 400 : 0) });

    expect(Math.max(...counts(history))).toBe(4);
    expect(counts(history).at(-1)).toBe(0);
  });

  test('a message in flight for an hour keeps its task', () => {
    const { history } = simulate(rules, {
      minutes: 60,
      arrivals: (minute) => (minute === 0 ? 1 : 0),
      perTaskAndMinute: 0,
      wake: true,
    });

    expect(counts(history).every((count) => count === 1)).toBe(true);
  });

  test('missing metrics change nothing', () => {
    const { history } = simulate(rules, { minutes: hours(8), arrivals: () => 1, wake: true, lost: () => true });

    expect(counts(history).every((count) => count === 1)).toBe(true);
  });

  test('with late and missing metrics, tasks end only after ten empty minutes, and all work is done', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = seededRandom(seed);
      const bursts = new Map(
        Array.from({ length: 5 }, () => [Math.floor(random() * hours(6)), Math.ceil(random() * 300)]),
      );
      const { history } = simulate(rules, {
        ...badMetrics(seed),
        minutes: hours(16),
        arrivals: (minute) => bursts.get(minute) ?? 0,
        wake: true,
      });

      expect(history.at(-1), `seed ${seed}`).toMatchObject({ outstanding: 0, desired: { main: 0, onDemand: 0 } });
      history.forEach(({ desired }, minute) => {
        if (desired.main > 0 || (history[minute - 1]?.desired.main ?? 0) === 0) return;
        // The newest data may be three minutes old.
        const seen = history.slice(minute - 9, minute - 3).map(({ outstanding }) => outstanding);
        expect(Math.max(...seen), `seed ${seed}, minute ${minute}`).toBe(0);
      });
    }
  });
});

test.each([true, false])(
  'tasks end after ten minutes without messages; SQS reports that none is in flight: %s',
  (zeroInFlight) => {
    const { history } = simulate(rules, {
      minutes: hours(1),
      arrivals: (minute) => (minute === 0 ? 1 : 0),
      wake: true,
      zeroInFlight,
    });

    // The message is finished in minute 4. SQS is silent until minute 15, and a data point takes a minute.
    expect(counts(history).lastIndexOf(1)).toBe(24);
  },
);

test('an alarm that ignored whether tasks run would take woken tasks away', () => {
  const blind = rules.map((rule) => ({
    ...rule,
    value: (metrics: (name: string) => Series) =>
      rule.value((name) => (name === 'NumberOfEmptyReceives' ? () => 1 : metrics(name))),
  }));
  const taken = Array.from({ length: 20 }, (_, seed) => wakeUp(blind, seed + 1).early).flat();

  expect(taken.length).toBeGreaterThan(0);
});

test('waking from zero: no task is taken away between an upload and its first outcome', () => {
  expectToWake(rules, 20);
});

describe('on-demand tasks', () => {
  const large = readRules(imageGptTemplate({ maxTasks: 20 }));
  const onDemand = (history: readonly Minute[]) => history.map(({ desired }) => desired.onDemand);

  test('a healthy start of five minutes never triggers them, also while the load grows', () => {
    expectNoOnDemand(large, 20);
  });

  test('they start 15 to 20 minutes after tasks began to wait for Spot, and do the work', () => {
    const { history } = simulate(rules, {
      minutes: hours(4),
      arrivals: (minute) => (minute === 0 ? 1 : minute === 60 ? 40 : 0),
      wake: true,
      spot: (minute) => minute < 60,
    });
    const started = onDemand(history).findIndex((count) => count > 0);

    expect(started).toBeGreaterThanOrEqual(75);
    expect(started).toBeLessThanOrEqual(80);
    expect(history.at(-1)).toMatchObject({ outstanding: 0, desired: { onDemand: 0 } });
  });

  test('one more starts every half hour while Spot lacks', () => {
    const { history } = simulate(rules, {
      minutes: hours(6),
      arrivals: (minute) => (minute === 0 ? 5000 : 0),
      wake: true,
      spot: () => false,
    });

    expect([30, 60, 90, 120].map((minute) => onDemand(history)[minute])).toEqual([1, 2, 3, 4]);
  });

  test('they start up to 15 minutes later after idle hours, when the metrics of SQS return that late', () => {
    const { history } = simulate(rules, {
      minutes: 60,
      arrivals: (minute) => (minute === 0 ? 40 : 0),
      wake: true,
      spot: () => false,
    });
    const started = onDemand(history).findIndex((count) => count > 0);

    expect(started).toBeGreaterThan(20);
    expect(started).toBeLessThanOrEqual(35);
  });

  test('they end under a load so small that the queue is often empty and has no age', () => {
    const { history } = simulate(rules, {
      minutes: hours(8),
      arrivals: (minute) => (minute === 60 ? 40 : minute > hours(2) && minute % 4 === 0 ? 1 : 0),
      perTaskAndMinute: 5,
      wake: true,
      spot: (minute) => minute < 60 || minute >= hours(3),
    });

    expect(Math.max(...onDemand(history))).toBe(1);
    expect(
      onDemand(history)
        .slice(hours(4))
        .every((count) => count === 0),
    ).toBe(true);
    expect(history.slice(hours(4)).every(({ desired }) => desired.main === 1)).toBe(true);
  });

  test('they end when the backlog has recovered, although pictures still arrive', () => {
    const { history } = simulate(rules, {
      minutes: hours(8),
      arrivals: () => 2,
      perTaskAndMinute: 5,
      wake: true,
      spot: (minute) => minute >= hours(4),
    });

    expect(Math.max(...onDemand(history))).toBeGreaterThan(0);
    expect(onDemand(history).findLastIndex((count) => count > 0)).toBeLessThanOrEqual(hours(4) + 30);
    expect(history.slice(hours(5)).every(({ outstanding, desired }) => outstanding < 5 && desired.main > 0)).toBe(true);
  });

  test('without Spot for days, one works a small load off in turns, and no message waits for 40 minutes', () => {
    const { history } = simulate(rules, {
      minutes: hours(24),
      arrivals: () => 2,
      perTaskAndMinute: 20,
      wake: true,
      spot: () => false,
    });

    expect(Math.max(...onDemand(history))).toBe(1);
    expect(Math.max(...history.map(({ outstanding }) => outstanding))).toBeLessThan(80);
  });

  test('a backlog that all Spot tasks work off brings none, however old it is', () => {
    const { history } = simulate(rules, {
      minutes: hours(12),
      arrivals: (minute) => (minute === 0 ? 2000 : 0),
      wake: true,
    });

    expect(Math.max(...onDemand(history))).toBe(0);
  });
});

function counts(history: readonly Minute[]): number[] {
  return history.map(({ desired }) => desired.main);
}
