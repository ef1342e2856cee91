import { describe, expect, test } from 'vitest';
import { readDeploymentConfig } from '../../../lib/contracts/deployment-settings.ts';
import { gpuInstanceNames } from '../../../lib/contracts/instances.ts';
import { type CostQuestion, estimateCost, jobSavingUsd, sum } from '../../../lib/operate/estimate-cost.ts';

describe('estimate cost', () => {
  const question: CostQuestion = {
    pictures: 1_000_000,
    gflop: 90.9,
    tokens: 1024,
    features: 512,
    compute: 'g6.xlarge',
    utilisation: 0.3,
    fill: 100,
    megabytes: 1,
    megapixels: 2,
  };

  const usd = (estimate: ReturnType<typeof estimateCost>, what: string): number | undefined =>
    estimate.lines.find((line) => line.what === what)?.usd;

  test('a million pictures need two million PUTs and two million GETs', () => {
    const estimate = estimateCost(question);

    // 2,000,000 × 5 USD a million; 2,000,000 × 0.40 USD a million.
    expect(usd(estimate, 'put the pictures and their outcomes')).toBeCloseTo(10, 10);
    expect(usd(estimate, 'get each picture, check that it still exists')).toBeCloseTo(0.8, 10);
  });

  test('preprocess takes 25 ms with 3,008 MiB per picture of two megapixels', () => {
    // 1,000,000 × 0.025 s × 2.9375 GB × 0.0000133334 USD; 10,000 invocations × 0.20 USD a million.
    expect(usd(estimateCost(question), 'time of preprocess')).toBeCloseTo(0.9792, 4);
    expect(usd(estimateCost(question), 'invocations of preprocess')).toBeCloseTo(0.002, 10);
  });

  test.each([
    // 1,862 bytes per picture: 100 have 186 KB, so SQS bills two more requests to send and two to receive, 10,000 times.
    [100, 19_000 + 40_000],
    // 30 have 56 KB: one request.
    [30, 50_000],
    [3, 461_000],
  ] as const)('messages of %i pictures need %i requests to the tokens queue', (fill, requests) => {
    const { lines } = estimateCost({ ...question, fill });

    expect(lines.find(({ what }) => what === 'tokens queue')?.quantity).toBe(requests);
  });

  test('a bill of ten pictures counts whole invocations, publishes and metric-hours', () => {
    const { lines } = estimateCost({ ...question, pictures: 10 });
    const quantity = (what: string) => lines.find((line) => line.what === what)?.quantity;

    expect(quantity('invocations of preprocess')).toBe(1);
    expect(quantity('result events')).toBe(1);
    expect(quantity('metrics')).toBe(16);
  });

  test('a GPU at 30 % of 30.3 TFLOP/s computes 100 pictures/s of 90.9 GFLOP', () => {
    const { picturesPerSecond, tasks, hours, workers } = estimateCost(question);

    expect(picturesPerSecond).toBeCloseTo(100, 10);
    // 10,000 messages, one task per 50, at most four.
    expect(tasks).toBe(4);
    // 10,000 s of work on four tasks, and five minutes to start.
    expect(hours).toBeCloseTo(10_000 / 3600 / 4 + 5 / 60, 10);
    // The work, 20 more minutes for each of four tasks, and ten for the last one.
    expect(workers.spot.quantity).toBeCloseTo(10_000 / 3600 + 1.5, 10);
  });

  test('an hour on Spot costs 0.4 of on demand, plus the IP address and the disk', () => {
    const { workers } = estimateCost(question);
    const beside = 0.005 + (60 * 0.08) / 730;

    expect(workers.onDemand.usd / workers.onDemand.quantity).toBeCloseTo(0.8048 + beside, 10);
    expect(workers.spot.usd / workers.spot.quantity).toBeCloseTo(0.8048 * 0.4 + beside, 10);
  });

  test('a Fargate task has 4 vCPU and 8 GB, and costs 0.3 on Spot', () => {
    const { workers, picturesPerSecond } = estimateCost({
      ...question,
      compute: 'cpu',
      gflop: 103.5,
      utilisation: 0.6,
    });

    // 345 GFLOP/s × 0.6 / 103.5.
    expect(picturesPerSecond).toBeCloseTo(2, 10);
    expect(workers.onDemand.usd / workers.onDemand.quantity).toBeCloseTo(4 * 0.04048 + 8 * 0.004445 + 0.005, 10);
    expect(workers.spot.usd / workers.spot.quantity).toBeCloseTo((4 * 0.04048 + 8 * 0.004445) * 0.3 + 0.005, 10);
  });

  test('the pipeline limits the throughput of a very small model', () => {
    expect(estimateCost({ ...question, gflop: 0.001 }).picturesPerSecond).toBe(500);
  });

  test('the total is the lines and one kind of worker, without storage', () => {
    const { lines, workers, usd: total, storage } = estimateCost(question);

    expect(total.spot).toBeCloseTo(sum(lines) + workers.spot.usd, 10);
    expect(total.onDemand).toBeCloseTo(sum(lines) + workers.onDemand.usd, 10);
    // 1,000 GB of pictures, and outcomes of 900 + 13 × 512 bytes.
    expect(storage.map((line) => line.usd)).toEqual([expect.closeTo(23, 10), expect.closeTo(7.556 * 0.023, 10)]);
  });

  test('a job saves queues, topic, function and an object per outcome', () => {
    const estimate = estimateCost(question);
    const messages = 0.48 + 59_000 * 0.4e-6 + 0.48 + 0.05 + 0.9792 + 0.002;

    expect(jobSavingUsd(estimate, question.pictures)).toBeCloseTo(messages + 5, 3);
  });

  test('the estimate uses the defaults of the stack', () => {
    const { messagesPerTask, maxTasks, instanceTypes } = readDeploymentConfig({});

    // One message more than a task's share needs a second task.
    expect(estimateCost({ ...question, pictures: messagesPerTask * 100 }).tasks).toBe(1);
    expect(estimateCost({ ...question, pictures: messagesPerTask * 100 + 1 }).tasks).toBe(2);
    expect(estimateCost(question).tasks).toBe(maxTasks);
    expect(gpuInstanceNames).toEqual(expect.arrayContaining(instanceTypes));
  });
});
