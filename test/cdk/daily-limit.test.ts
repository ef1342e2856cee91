import { describe, expect, test } from 'vitest';
import type { Meter } from '../../lib/contracts/meters.ts';
import { machineArn, readLimit } from './read-limit.ts';
import { imageGptTemplate, resource } from './synthesize.ts';

const gpu = imageGptTemplate({ maxUsdPerDay: 5 });
const cpu = imageGptTemplate({ compute: 'cpu', architecture: 'x86_64', maxUsdPerDay: '7.50' });
const lambda = imageGptTemplate({ compute: 'lambda', inferMemory: 4096, maxUsdPerDay: 5 });

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
    const { METERS: meters } = readLimit(gpu);

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
    const { METERS: meters, MAX_USD_PER_DAY } = readLimit(cpu);

    expect(meters.map(short)).toEqual([
      ['fargate-minute', 'CPUUtilization SampleCount WorkerCluster WorkerFargateService'],
      ...preprocess,
    ]);
    expect(meters[1]).toMatchObject({ megabytes: 3008, architecture: 'x86_64' });
    expect(MAX_USD_PER_DAY).toBe(7.5);
  });

  test('counts the time of the inference function, with its own memory and processor', () => {
    const { METERS: meters } = readLimit(lambda);

    expect(meters.map(short)).toEqual([['function-ms', 'Duration Sum InferHandler'], ...preprocess]);
    expect(meters[0]).toMatchObject({ megabytes: 4096, architecture: 'x86_64' });
    expect(meters[1]).toMatchObject({ megabytes: 3008, architecture: 'arm64' });
  });

  test('the function is told the brake’s machines and the alarm topic', () => {
    expect(readLimit(gpu)).toMatchObject({
      HOLD_ARN: machineArn('CostBrakeHold'),
      RELEASE_ARN: machineArn('CostBrakeRelease'),
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
