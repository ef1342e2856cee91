import type { Template } from 'aws-cdk-lib/assertions';
import { expect, test } from 'vitest';
import { imageGptTemplate, type Properties } from './synthesize.ts';

/** List prices in us-east-1, USD a month (2025; not looked up again), and what every account has for nothing. */
const price = {
  alarmMetric: 0.1,
  freeAlarmMetrics: 10,
  sqsMillion: 0.4,
  freeSqsMillions: 1,
  ecrGb: 0.1,
};

/** Lambda polls an idle queue with five long polls of 20 s. */
const pollsAMonth = (5 * 30 * 86_400) / 20;

/** The image in ECR, GB compressed: CUDA and cuDNN are most of it. An estimate: it was never built here. */
const imageGb = { gpu: 2, cpu: 0.2 };

/** What costs by the hour though nothing happens, or by the month whatever happens. */
const costly = [
  'AWS::EC2::NatGateway',
  'AWS::EC2::EIP',
  'AWS::KMS::Key',
  'AWS::SecretsManager::Secret',
  'AWS::ElasticLoadBalancingV2::LoadBalancer',
  'AWS::Lambda::Alias',
  'AWS::CloudWatch::CompositeAlarm',
];

function items(template: Template, compute: 'gpu' | 'cpu') {
  const alarms = Object.values(template.findResources('AWS::CloudWatch::Alarm'));
  const metrics = alarms
    .map(({ Properties: { Metrics: metrics } }) =>
      metrics === undefined ? 1 : metrics.filter(({ MetricStat }: Properties) => MetricStat !== undefined).length,
    )
    .reduce((sum, count) => sum + count, 0);
  const mappings = Object.keys(template.findResources('AWS::Lambda::EventSourceMapping')).length;
  return {
    metrics,
    alarms: Math.max(metrics - price.freeAlarmMetrics, 0) * price.alarmMetric,
    sqs: Math.max((mappings * pollsAMonth) / 1e6 - price.freeSqsMillions, 0) * price.sqsMillion,
    image: imageGb[compute] * price.ecrGb,
  };
}

test.each([
  ['gpu', 16],
  ['cpu', 15],
] as const)('an idle stack costs less than a dollar a month, on %s', (compute, alarmMetrics) => {
  const template = imageGptTemplate({ compute });
  const { metrics, alarms, sqs, image } = items(template, compute);

  expect(metrics).toBe(alarmMetrics);
  expect(alarms + sqs + image).toBeLessThan(1);
  for (const type of costly) template.resourceCountIs(type, 0);
  // Three are free.
  template.resourceCountIs('AWS::CloudWatch::Dashboard', 1);
});
