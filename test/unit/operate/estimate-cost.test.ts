import { describe, expect, test } from 'vitest';
import { readDeploymentConfig } from '../../../lib/contracts/deployment-settings.ts';
import { gpuInstanceNames } from '../../../lib/contracts/instances.ts';
import { type CostQuestion, estimateCost, idleCost, perPictureUsd, sum } from '../../../lib/operate/estimate-cost.ts';

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

  test('a million pictures are two million PUTs and as many GETs', () => {
    const estimate = estimateCost(question);

    // 2,000,000 × 5 USD a million; 2,000,000 × 0.40 USD a million.
    expect(usd(estimate, 'put the pictures and their outcomes')).toBeCloseTo(10, 10);
    expect(usd(estimate, 'get each picture, look whether it is still there')).toBeCloseTo(0.8, 10);
  });

  test('preprocess takes 25 ms of 3,008 MiB for a picture of two megapixels', () => {
    // 1,000,000 × 0.025 s × 2.9375 GB × 0.0000133334 USD; 10,000 runs × 0.20 USD a million.
    expect(usd(estimateCost(question), 'time of preprocess')).toBeCloseTo(0.9792, 4);
    expect(usd(estimateCost(question), 'runs of preprocess')).toBeCloseTo(0.002, 10);
  });

  test.each([
    // 1,862 bytes a picture: 100 are 186 KB, three chunks of 64 KiB: two more to send and two to receive, in 10,000 messages.
    [100, 19_000 + 40_000],
    // 30 are 56 KB: one chunk.
    [30, 50_000],
    [3, 461_000],
  ] as const)('messages of %i pictures are %i requests at the tokens queue', (fill, requests) => {
    const { lines } = estimateCost({ ...question, fill });

    expect(lines.find(({ what }) => what === 'tokens queue')?.quantity).toBe(requests);
  });

  test('a bill of ten pictures counts whole runs, publishes and metric-hours', () => {
    const { lines } = estimateCost({ ...question, pictures: 10 });
    const quantity = (what: string) => lines.find((line) => line.what === what)?.quantity;

    expect(quantity('runs of preprocess')).toBe(1);
    expect(quantity('result events')).toBe(1);
    expect(quantity('metrics')).toBe(16);
  });

  test('a GPU at 30 % of 30.3 TFLOP/s does 100 pictures of 90.9 GFLOP a second', () => {
    const { picturesPerSecond, tasks, hours, workers } = estimateCost(question);

    expect(picturesPerSecond).toBeCloseTo(100, 10);
    // 10,000 messages, one task for each 50, four at most.
    expect(tasks).toBe(4);
    // 10,000 s of work on four tasks, and five minutes to start.
    expect(hours).toBeCloseTo(10_000 / 3600 / 4 + 5 / 60, 10);
    // The work, four times 20 minutes around it, and the last one's ten.
    expect(workers.spot.quantity).toBeCloseTo(10_000 / 3600 + 1.5, 10);
  });

  test('an hour of Spot is 0.4 of on demand, beside the address and the disk', () => {
    const { workers } = estimateCost(question);
    const beside = 0.005 + (60 * 0.08) / 730;

    expect(workers.onDemand.usd / workers.onDemand.quantity).toBeCloseTo(0.8048 + beside, 10);
    expect(workers.spot.usd / workers.spot.quantity).toBeCloseTo(0.8048 * 0.4 + beside, 10);
  });

  test('a Fargate task is 4 vCPU and 8 GB, on Spot at 0.3', () => {
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

  test('a model that costs next to nothing is held up by the pipeline around it', () => {
    expect(estimateCost({ ...question, gflop: 0.001 }).picturesPerSecond).toBe(500);
  });

  test('the whole is its lines and one kind of worker; storage is apart', () => {
    const { lines, workers, usd: total, storage } = estimateCost(question);

    expect(total.spot).toBeCloseTo(sum(lines) + workers.spot.usd, 10);
    expect(total.onDemand).toBeCloseTo(sum(lines) + workers.onDemand.usd, 10);
    // 1,000 GB of pictures, and outcomes of 900 + 13 × 512 bytes.
    expect(storage.map((line) => line.usd)).toEqual([expect.closeTo(23, 10), expect.closeTo(7.556 * 0.023, 10)]);
  });

  test('a batch spares queues, topic, function and an object for each outcome', () => {
    const estimate = estimateCost(question);
    const messages = 0.48 + 59_000 * 0.4e-6 + 0.48 + 0.05 + 0.9792 + 0.002;

    expect(perPictureUsd(estimate, question.pictures)).toBeCloseTo(messages + 5, 3);
  });

  test('it reckons with the stack’s own defaults', () => {
    const { messagesPerTask, maxTasks, instanceTypes } = readDeploymentConfig({});

    // One message more than a task's share needs a second task.
    expect(estimateCost({ ...question, pictures: messagesPerTask * 100 }).tasks).toBe(1);
    expect(estimateCost({ ...question, pictures: messagesPerTask * 100 + 1 }).tasks).toBe(2);
    expect(estimateCost(question).tasks).toBe(maxTasks);
    expect(gpuInstanceNames).toEqual(expect.arrayContaining(instanceTypes));
  });
});

test('an idle GPU stack is six billed metrics, 296,000 polls and an image: 0.82 USD', () => {
  expect(idleCost('gpu').map(({ usd }) => usd)).toEqual([
    expect.closeTo(0.6, 10),
    expect.closeTo(0.1184, 10),
    expect.closeTo(0.1, 10),
    0,
  ]);
  expect(sum(idleCost('gpu'))).toBeCloseTo(0.82, 2);
});

test('an idle stack on Fargate has a metric less and a small image: 0.64 USD', () => {
  expect(sum(idleCost('cpu'))).toBeCloseTo(0.64, 2);
});

test('the model lies in two buckets', () => {
  // iGPT-L: 5.6 GB.
  expect(sum(idleCost('gpu', { modelGb: 5.6 })) - sum(idleCost('gpu'))).toBeCloseTo(11.2 * 0.023, 10);
});
