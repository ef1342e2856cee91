import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { maxReceiveCount, retryDelayMs } from '../../lib/contracts/delivery.ts';
import { readDocument, tableUnder } from '../cli/documents.ts';
import { resourceName } from '../support/resource-name.ts';
import { metricMath } from './metric-math.ts';
import { imageGptTemplate, type Properties, resource } from './synthesize.ts';

const template = imageGptTemplate({ alarmEmail: 'ops@example.com' });
const cpu = imageGptTemplate({ compute: 'cpu' });
const lambda = imageGptTemplate({ compute: 'lambda' });
const limited = ['gpu', 'lambda'].map((compute) => imageGptTemplate({ compute, maxUsdPerDay: 5 }));
const alarm = (name: string) => resource(template, 'AWS::CloudWatch::Alarm', `Alarms${name}`).properties;

const expressionOf = ({ Metrics: metrics }: Properties): string =>
  metrics.find(({ Expression }: Properties) => Expression !== undefined).Expression;

/** Value of an alarm's expression in a period in which its metrics have these values; undefined: no data. */
const evaluate = (properties: Properties, metrics: Record<string, number | undefined>) =>
  metricMath(
    expressionOf(properties),
    Object.fromEntries(Object.entries(metrics).map(([name, value]) => [name, () => value])),
  )(0);

/** Metric names of an alarm, and the length of its periods together (minutes). */
const watched = ({ Metrics: metrics, MetricName: name, Period, EvaluationPeriods }: Properties) => {
  const stats = (metrics ?? []).flatMap(({ MetricStat }: Properties) => MetricStat ?? []);
  return {
    names: name === undefined ? stats.map(({ Metric }: Properties) => Metric.MetricName) : [name],
    minutes: ((Period ?? stats[0].Period) * EvaluationPeriods) / 60,
  };
};

describe('alarms', () => {
  test('one dead letter raises an alarm', () => {
    expect(alarm('DeadLetters').Threshold).toBe(1);
    expect(expressionOf(alarm('DeadLetters'))).toBe('uploads + tokens');
  });

  test('an upload that has waited for an hour raises an alarm', () => {
    expect(alarm('UploadsWaiting')).toMatchObject({ MetricName: 'ApproximateAgeOfOldestMessage', Threshold: 3600 });
  });

  test('20 percent of failures in an hour raise an alarm, from 20 pictures on', () => {
    expect(alarm('FailureRate').Threshold).toBe(20);
    expect(expressionOf(alarm('FailureRate'))).toBe(
      'IF(published >= 20, 100 * (published - FILL(succeeded, 0)) / published, 0)',
    );
    expect(watched(alarm('FailureRate'))).toEqual({
      names: ['NumberOfMessagesPublished', 'PicturesSucceeded'],
      minutes: 60,
    });
  });

  test('tokens that no worker takes for 15 minutes raise an alarm, and those that have waited for 3 days', () => {
    expect(expressionOf(alarm('TokensWaiting'))).toBe(
      'IF(age >= 259200, 1, IF(age >= 300, 1, 0) - IF(inFlight > 0, 1))',
    );
    expect(watched(alarm('TokensWaiting'))).toEqual({
      names: ['ApproximateAgeOfOldestMessage', 'ApproximateNumberOfMessagesNotVisible'],
      minutes: 15,
    });
  });

  test('workers without a finished message for 30 minutes raise an alarm', () => {
    expect(expressionOf(alarm('CostBrake'))).toBe('IF(FILL(running, 0) > 0, 1, 0) - IF(finished > 0, 1)');
    expect(watched(alarm('CostBrake'))).toEqual({
      names: ['MemoryReservation', 'NumberOfMessagesDeleted'],
      minutes: 30,
    });
  });

  test.each([
    ['an idle queue', { age: undefined, inFlight: undefined }, undefined],
    ['a message of 5 minutes, and none in flight', { age: 300, inFlight: undefined }, 1],
    ['the same, if SQS reports a zero', { age: 300, inFlight: 0 }, 1],
    ['a message of 4 minutes, and none in flight', { age: 240, inFlight: undefined }, 0],
    ['a message of 5 minutes while a worker holds others', { age: 300, inFlight: 8 }, 0],
    ['a message of 3 days while a worker holds others', { age: 259_200, inFlight: 8 }, 1],
    ['held messages, and an age that is late', { age: undefined, inFlight: 8 }, undefined],
  ])('waiting tokens: %s (%o) is %s', (_, metrics, expected) => {
    expect(evaluate(alarm('TokensWaiting'), metrics)).toBe(expected);
  });

  test.each([
    ['no task', { running: undefined, finished: undefined }, 0],
    ['tasks that have never finished a message', { running: 50, finished: undefined }, 1],
    ['the same, if SQS reports a zero', { running: 50, finished: 0 }, 1],
    ['tasks that finish messages', { running: 50, finished: 3 }, 0],
    ['finished messages of tasks that have ended', { running: undefined, finished: 3 }, -1],
  ])('the cost brake: %s (%o) is %s', (_, metrics, expected) => {
    expect(evaluate(alarm('CostBrake'), metrics)).toBe(expected);
  });

  test('on Fargate the sample count of the service shows whether a task runs', () => {
    const { properties } = resource(cpu, 'AWS::CloudWatch::Alarm', 'AlarmsCostBrake');
    const running = properties.Metrics.find(({ Id }: Properties) => Id === 'running').MetricStat;

    expect(running).toMatchObject({ Metric: { MetricName: 'CPUUtilization' }, Stat: 'SampleCount' });
  });

  test('an inference function that finishes nothing in 45 minutes raises an alarm: three of its timeouts', () => {
    const { properties } = resource(lambda, 'AWS::CloudWatch::Alarm', 'AlarmsCostBrake');
    const running = properties.Metrics.find(({ Id }: Properties) => Id === 'running').MetricStat;

    expect(expressionOf(properties)).toBe('IF(FILL(running, 0) > 0, 1, 0) - IF(finished > 0, 1)');
    expect(running).toMatchObject({ Metric: { MetricName: 'Invocations' }, Period: 900, Stat: 'Sum' });
    expect(watched(properties)).toEqual({ names: ['Invocations', 'NumberOfMessagesDeleted'], minutes: 45 });
  });

  test('the deliveries of a single bad message, over 14 minutes, never fill the three periods of 15 minutes', () => {
    const delays = Array.from({ length: maxReceiveCount - 1 }, (_, i) => retryDelayMs(i + 1) / 60_000);
    const minutes = delays.reduce((sum, delay) => sum + delay, 0);

    expect(minutes).toBeCloseTo(14.2, 1);
    expect(minutes).toBeLessThan(15);
  });

  test('one inference function that crashes raises an alarm; without one there is no such alarm', () => {
    expect(resource(lambda, 'AWS::CloudWatch::Alarm', 'AlarmsInferErrors').properties).toMatchObject({
      Namespace: 'AWS/Lambda',
      MetricName: 'Errors',
      Dimensions: [
        { Name: 'FunctionName', Value: { Ref: resource(lambda, 'AWS::Lambda::Function', 'InferHandler').id } },
      ],
      Statistic: 'Sum',
      Period: 300,
      EvaluationPeriods: 1,
      Threshold: 1,
    });
    expect(() => alarm('InferErrors')).toThrow('found 0');
  });

  test('one denial that lasts raises an alarm after a minute, whichever process reports it', () => {
    expect(alarm('StorageDenied')).toMatchObject({
      MetricName: 'StorageDenied',
      Dimensions: [{ Name: 'service', Value: 'storage' }],
      Threshold: 1,
    });
    expect(watched(alarm('StorageDenied')).minutes).toBe(1);
  });

  test('missing data raises no alarm: an idle queue has no metrics', () => {
    template.allResourcesProperties('AWS::CloudWatch::Alarm', { TreatMissingData: 'notBreaching' });
  });

  test('operator alarms notify the topic when they start and end; scaling alarms notify nobody', () => {
    const topic = { Ref: resource(template, 'AWS::SNS::Topic', 'AlarmsTopic').id };
    for (const [id, { Properties }] of Object.entries(template.findResources('AWS::CloudWatch::Alarm'))) {
      if (id.startsWith('Alarms')) expect(Properties).toMatchObject({ AlarmActions: [topic], OKActions: [topic] });
      else expect(Properties.AlarmActions).not.toContainEqual(topic);
    }
  });

  test('docs/aws-operate.md lists those that notify somebody, and names those of the scaling', () => {
    const told = tableUnder('docs/aws-operate.md', '## Alarms').map(([name]) => name);
    const [, scaling = ''] = /The alarms (.*) belong to the scaling/.exec(readDocument('docs/aws-operate.md')) ?? [];
    const names = limited.flatMap((stack) =>
      Object.keys(stack.findResources('AWS::CloudWatch::Alarm')).map(resourceName),
    );
    const namesOf = (construct: string) =>
      names.flatMap((name) => (name.startsWith(construct) ? `\`${name.slice(construct.length)}\`` : []));

    expect(told.toSorted()).toEqual([...new Set([...namesOf('Alarms'), '`DailyLimitFailed`'])].toSorted());
    expect(scaling.match(/`\w+`/g)?.toSorted()).toEqual(namesOf('Scaling').toSorted());
    expect(new Set(names.filter((name) => !/^(Alarms|Scaling)/.test(name)))).toEqual(new Set(['DailyLimitFailed']));
  });

  test('alarms of other accounts cannot publish to the topic', () => {
    template.hasResourceProperties('AWS::SNS::TopicPolicy', {
      PolicyDocument: Match.objectLike({
        Statement: Match.arrayWith([
          Match.objectLike({
            Effect: 'Allow',
            Principal: { Service: 'cloudwatch.amazonaws.com' },
            Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
          }),
        ]),
      }),
    });
  });

  test('alarmEmail subscribes to the topic', () => {
    template.hasResourceProperties('AWS::SNS::Subscription', { Protocol: 'email', Endpoint: 'ops@example.com' });
    cpu.resourceCountIs('AWS::SNS::Subscription', 1);
  });

  test('there is one dashboard', () => {
    template.resourceCountIs('AWS::CloudWatch::Dashboard', 1);
  });
});
