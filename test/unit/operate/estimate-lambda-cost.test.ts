import { describe, expect, test } from 'vitest';
import { readDeploymentConfig } from '../../../lib/contracts/deployment-settings.ts';
import { estimateCost, sum } from '../../../lib/operate/estimate-cost.ts';
import { estimateLambdaCost, lambdaMemory } from '../../../lib/operate/estimate-lambda-cost.ts';

describe('the cost of pictures through inference functions', () => {
  // iGPT-S.
  const question = {
    pictures: 1_000_000,
    gflop: 181,
    tokens: 1024,
    features: 512,
    parameters: 76e6,
    bytes: 300e6,
    utilisation: 0.6,
    fill: 100,
    megabytes: 1,
    megapixels: 2,
  } as const;
  const line = (estimate: ReturnType<typeof estimateLambdaCost>, what: string) =>
    estimate.lines.find((one) => one.what === what);

  test('a function of 1.7 vCPU computes 88 GFLOP/s', () => {
    // 345 GFLOP/s × 0.6 / 4 vCPUs × 3008 / 1769.
    expect(estimateLambdaCost(question).picturesPerSecond * question.gflop).toBeCloseTo(87.99, 1);
  });

  test('is the time of pictures, invocations and starts, at the price of x86', () => {
    const estimate = estimateLambdaCost({ ...question, pictures: 80 });

    // 8 pictures in a message: 80 × 2.057 s, 10 × 0.2 s, and 4 starts of 2 + 4 s, with 2.9375 GB.
    expect(estimate.perMessage).toBe(8);
    expect(line(estimate, 'time of infer')?.quantity).toBeCloseTo((164.56 + 2 + 24) * 2.9375, 0);
    expect(line(estimate, 'time of infer')?.usd).toBeCloseTo(559.8 * 0.0000166667, 4);
    expect(line(estimate, 'invocations of infer')).toMatchObject({ quantity: 10, usd: expect.closeTo(2e-6, 12) });
    expect(estimate.hours).toBeCloseTo((164.56 + 2 + 24) / 4 / 3600, 4);
  });

  test('a message holds at most the ten pictures of a delivery, and needs four requests', () => {
    const nano = { ...question, gflop: 0.7, parameters: 1.6e6, bytes: 3e6 };

    expect(line(estimateLambdaCost(nano), 'tokens queue')?.quantity).toBe(400_000);
    expect(estimateLambdaCost({ ...nano, fill: 3, pictures: 30 }).perMessage).toBe(3);
    expect(line(estimateLambdaCost(nano), 'invocations of preprocess')?.quantity).toBe(100_000);
  });

  test('one picture runs in one function', () => {
    const estimate = estimateLambdaCost({ ...question, pictures: 1 });

    expect(estimate.tasks).toBe(1);
    expect(line(estimate, 'time of infer')?.quantity).toBeCloseTo((2.057 + 0.2 + 6) * 2.9375, 1);
  });

  test('shares every other line with tasks, and adds up to the total', () => {
    const estimate = estimateLambdaCost(question);
    const tasks = estimateCost({ ...question, compute: 'cpu' });
    const same = (stage: string) => (one: { stage: string }) => one.stage === stage;

    for (const stage of ['S3', 'SNS']) {
      expect(estimate.lines.filter(same(stage))).toEqual(tasks.lines.filter(same(stage)));
    }
    expect(estimate.storage).toEqual(tasks.storage);
    expect(estimate.usd.lambda).toBeCloseTo(sum(estimate.lines), 10);
  });

  test('the estimate uses the defaults of the stack', () => {
    const { inferMemory, inferConcurrency } = readDeploymentConfig({ compute: 'lambda' });

    expect(lambdaMemory).toBe(inferMemory);
    expect(estimateLambdaCost(question).tasks).toBe(inferConcurrency);
  });
});
