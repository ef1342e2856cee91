import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Meter } from '../../../lib/contracts/meters.ts';
import { meterUsd, readSpend, unitUsd, utcDay } from '../../../lib/operate/daily-spend.ts';
import { json, type ScriptedAws, startScriptedAws } from '../../support/scripted-aws.ts';

const measure = { namespace: 'AWS/ECS', name: 'CPUUtilization', stat: 'SampleCount', dimensions: { A: 'b' } } as const;
const measures = [measure];
const gpus: Meter = { unit: 'gpu-minute', instanceTypes: ['g4dn.xlarge', 'g5.xlarge', 'g6.xlarge'], measures };
const fargate: Meter = { unit: 'fargate-minute', measures };
const time: Meter = { unit: 'function-ms', megabytes: 3008, architecture: 'arm64', measures };
const pictures: Meter = { unit: 'picture', measures };

describe('an hour', () => {
  it('of a GPU costs what the dearest allowed instance costs on demand, with disk and address', () => {
    // g5.xlarge 1.006, an address 0.005, 60 GiB at 0.08 a month: 1.0176 USD. Spot at 40 % counts the same.
    expect(meterUsd(gpus, [60])).toBeCloseTo(1.006 + 0.005 + (60 * 0.08) / 730, 12);
    expect(meterUsd({ ...gpus, instanceTypes: ['g4dn.xlarge'] }, [60])).toBeCloseTo(0.526 + 0.005 + 4.8 / 730, 12);
  });

  it('of a task on Fargate costs 0.20248 USD: 4 vCPU, 8 GiB and an address', () => {
    expect(meterUsd(fargate, [60])).toBeCloseTo(0.16192 + 0.03556 + 0.005, 12);
  });

  it('of a function of 3,008 MB costs 0.141 USD on arm64 and a quarter more on x86-64', () => {
    expect(meterUsd(time, [3.6e6])).toBeCloseTo(3600 * 2.9375 * 0.0000133334, 12);
    expect(unitUsd({ ...time, architecture: 'x86_64' }) / unitUsd(time)).toBeCloseTo(1.25, 4);
  });
});

it('a million pictures cost 12.39 USD of requests: 10.80 of S3, 1.14 of SQS, 0.05 of SNS, 0.40 of Lambda', () => {
  expect(meterUsd(pictures, [1e6])).toBeCloseTo(10.8 + 1.1444 + 0.05 + 0.4, 9);
});

it('the larger of two measures counts, and none at all counts as nothing', () => {
  expect(meterUsd(fargate, [0, 120])).toBe(meterUsd(fargate, [120, 60]));
  expect(meterUsd(fargate, [])).toBe(0);
});

describe('the day', () => {
  let aws: ScriptedAws;
  let client: CloudWatchClient;
  beforeEach(async () => {
    aws = await startScriptedAws();
    client = new CloudWatchClient(aws.config);
  });
  afterEach(async () => {
    client.destroy();
    await aws[Symbol.asyncDispose]();
  });

  const now = new Date('2026-12-01T23:59:30Z');

  it('begins at 00:00 UTC, whatever the time zone', () => {
    expect(utcDay(new Date('2026-12-01T23:59:59.999-05:00'))).toBe('2026-12-02');
    expect(utcDay(new Date('2026-12-01T00:00:00+14:00'))).toBe('2026-11-30');
  });

  it('is asked for once for each measure, and added up', async () => {
    const points = (...counts: number[]) => json({ Datapoints: counts.map((SampleCount) => ({ SampleCount })) });
    aws.answer(points(5, 5, 50), points());

    expect(await readSpend(client, [{ ...fargate, measures: [measure, measure] }], now)).toBeCloseTo(0.20248, 12);
    expect(aws.requests.map(({ body }) => JSON.parse(body))).toEqual(
      Array.from({ length: 2 }, () => ({
        Namespace: 'AWS/ECS',
        MetricName: 'CPUUtilization',
        Dimensions: [{ Name: 'A', Value: 'b' }],
        StartTime: Date.parse('2026-12-01T00:00:00Z') / 1000,
        EndTime: Date.parse('2026-12-02T00:00:30Z') / 1000,
        Period: 300,
        Statistics: ['SampleCount'],
      })),
    );
  });
});
