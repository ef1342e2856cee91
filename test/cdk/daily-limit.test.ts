import type { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { limitEnvironment } from '../../lib/contracts/environment.ts';
import type { Meter } from '../../lib/contracts/meters.ts';
import { resourceName } from '../support/resource-name.ts';
import { imageGptTemplate, type Properties, resource } from './synthesize.ts';

const gpu = imageGptTemplate({ maxUsdPerDay: 5 });
const cpu = imageGptTemplate({ compute: 'cpu', architecture: 'x86_64', maxUsdPerDay: '7.50' });

const arn = (name: string) => `arn:aws:states:eu-central-1:123456789012:stateMachine:${name}`;

/** A reference in a template as text: an ARN where the contract wants one, otherwise the logical name. */
function text(value: Properties): string {
  if (typeof value === 'string') return value;
  if (value['Fn::Join'] !== undefined) return value['Fn::Join'][1].map(text).join('');
  const name = resourceName(value.Ref ?? value['Fn::GetAtt'][0]);
  if (name.startsWith('CostBrake')) return arn(name);
  return name === 'AlarmsTopic' ? `arn:aws:sns:eu-central-1:123456789012:${name}` : name;
}

/** The function's environment, as the function itself reads it. */
function environment(template: Template) {
  const { Variables: variables } = resource(template, 'AWS::Lambda::Function', 'DailyLimitHandler').properties
    .Environment;
  return limitEnvironment.parse(
    Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, text(value)])),
  );
}

/** Unit and metrics of a meter, short. */
const short = ({ unit, measures }: Meter) => [
  unit,
  ...measures.map(({ name, stat, dimensions }) => `${name} ${stat} ${Object.values(dimensions).join(' ')}`),
];

const preprocess = [
  ['function-ms', 'Duration Sum PreprocessHandler'],
  ['picture', 'NumberOfMessagesReceived Sum QueuesUploads'],
  ['function-ms', 'Duration Sum BackfillHandler'],
  ['picture', 'NumberOfMessagesReceived Sum QueuesBackfill'],
];

describe('maxUsdPerDay', () => {
  test('adds nothing to a stack without it', () => {
    const { Resources } = imageGptTemplate().toJSON();

    expect(Object.keys(Resources).filter((id) => id.startsWith('DailyLimit'))).toEqual([]);
  });

  test('counts instances or tasks of both services on GPUs, whichever are more, and both functions with their pictures', () => {
    const { METERS: meters } = environment(gpu);

    expect(meters.map(short)).toEqual([
      [
        'gpu-minute',
        'GroupTotalInstances Sum WorkerSpotInstancesASG',
        'CPUUtilization SampleCount WorkerCluster WorkerSpotService',
      ],
      [
        'gpu-minute',
        'GroupTotalInstances Sum WorkerOnDemandInstancesASG',
        'CPUUtilization SampleCount WorkerCluster WorkerOnDemandService',
      ],
      ...preprocess,
    ]);
    expect(meters[0]).toMatchObject({ instanceTypes: ['g6.xlarge', 'g5.xlarge', 'g4dn.xlarge'] });
    for (const { Properties } of Object.values(gpu.findResources('AWS::AutoScaling::AutoScalingGroup'))) {
      expect(Properties.MetricsCollection).toEqual([{ Granularity: '1Minute', Metrics: ['GroupTotalInstances'] }]);
    }
  });

  test('counts tasks on Fargate', () => {
    const { METERS: meters, MAX_USD_PER_DAY } = environment(cpu);

    expect(meters.map(short)).toEqual([
      ['fargate-minute', 'CPUUtilization SampleCount WorkerCluster WorkerFargateService'],
      ...preprocess,
    ]);
    expect(meters[1]).toMatchObject({ megabytes: 3008, architecture: 'x86_64' });
    expect(MAX_USD_PER_DAY).toBe(7.5);
  });

  test('the function is told the brake’s machines and the alarm topic', () => {
    expect(environment(gpu)).toMatchObject({
      HOLD_ARN: arn('CostBrakeHold'),
      RELEASE_ARN: arn('CostBrakeRelease'),
      ALARM_TOPIC_ARN: expect.stringContaining(':AlarmsTopic'),
      STACK_NAME: 'ImageGpt',
    });
  });

  test('its environment fits Lambda’s 4 KB, with names as long as CloudFormation makes them', () => {
    const stackName = 'S'.repeat(64);
    const { Variables: variables } = resource(
      imageGptTemplate({ maxUsdPerDay: 5, stackName }),
      'AWS::Lambda::Function',
      'DailyLimitHandler',
    ).properties.Environment;
    const bytes = JSON.stringify(variables, (_, value) =>
      value?.Ref !== undefined || value?.['Fn::GetAtt'] !== undefined ? 'n'.repeat(128) : value,
    ).length;

    expect(bytes).toBeLessThan(4096);
  });

  test('runs every five minutes, from 00:00 UTC on', () => {
    expect(resource(gpu, 'AWS::Events::Rule', 'DailyLimitSchedule').properties).toMatchObject({
      ScheduleExpression: 'cron(0/5 * * * ? *)',
      State: 'ENABLED',
      Targets: [{ Arn: { 'Fn::GetAtt': [resource(gpu, 'AWS::Lambda::Function', 'DailyLimitHandler').id, 'Arn'] } }],
    });
  });

  test('an alarm tells when the function fails for 15 minutes: the limit is not enforced then', () => {
    const topic = { Ref: resource(gpu, 'AWS::SNS::Topic', 'AlarmsTopic').id };

    expect(resource(gpu, 'AWS::CloudWatch::Alarm', 'DailyLimitFailed').properties).toMatchObject({
      MetricName: 'Errors',
      Period: 300,
      EvaluationPeriods: 3,
      Threshold: 1,
      AlarmActions: [topic],
      OKActions: [topic],
    });
  });
});
