import type { Template } from 'aws-cdk-lib/assertions';
import { expect, test } from 'vitest';
import { sum } from '../../lib/operate/estimate-cost.ts';
import { alarmMetrics, idleCost, limitIdleCost, limitMeasures, polledQueues } from '../../lib/operate/idle-cost.ts';
import { readLimit } from './read-limit.ts';
import { imageGptTemplate, type Properties } from './synthesize.ts';

/** Resources that cost money while the stack is idle. */
const costly = [
  'AWS::EC2::NatGateway',
  'AWS::EC2::EIP',
  'AWS::KMS::Key',
  'AWS::SecretsManager::Secret',
  'AWS::ElasticLoadBalancingV2::LoadBalancer',
  'AWS::Lambda::Alias',
  'AWS::CloudWatch::CompositeAlarm',
];

test.each(['gpu', 'cpu', 'lambda'] as const)('an idle stack costs less than a dollar a month, on %s', (compute) => {
  const template = imageGptTemplate({ compute });

  // idleCost assumes these counts.
  expect(countMetrics(template)).toBe(alarmMetrics[compute]);
  template.resourceCountIs('AWS::Lambda::EventSourceMapping', polledQueues[compute]);
  // Three are free.
  template.resourceCountIs('AWS::CloudWatch::Dashboard', 1);
  for (const type of costly) template.resourceCountIs(type, 0);
  expect(sum(idleCost(compute))).toBeLessThan(1);
});

test.each(['gpu', 'cpu', 'lambda'] as const)(
  'a daily limit adds cents: one alarm metric and one function, on %s',
  (compute) => {
    const template = imageGptTemplate({ compute, maxUsdPerDay: 5 });

    // limitIdleCost assumes these counts.
    expect(countMetrics(template)).toBe(alarmMetrics[compute] + 1);
    expect(readLimit(template).METERS.flatMap(({ measures }) => measures)).toHaveLength(limitMeasures[compute]);
    template.resourceCountIs('AWS::Lambda::EventSourceMapping', polledQueues[compute]);
    for (const type of costly) template.resourceCountIs(type, 0);
    expect(limitIdleCost(compute).usd).toBeLessThan(0.2);
  },
);

/** CloudWatch bills each metric of an alarm. */
function countMetrics(template: Template): number {
  return Object.values(template.findResources('AWS::CloudWatch::Alarm'))
    .map(({ Properties: { Metrics: metrics } }) =>
      metrics === undefined ? 1 : metrics.filter(({ MetricStat }: Properties) => MetricStat !== undefined).length,
    )
    .reduce((total, count) => total + count, 0);
}
