import { expect, test } from 'vitest';
import { igpt } from './igpt-process.ts';

test('prints the cost of each stage, the cost of the idle stack, and the assumptions', async () => {
  const { code, stdout } = await igpt(['cost', '--images', '1000', '--variant', 's']);

  expect(code).toBe(0);
  for (const stage of ['S3', 'Lambda', 'SQS', 'SNS', 'workers', 'CloudWatch']) {
    expect(stdout).toMatch(new RegExp(`^${stage} `, 'm'));
  }
  expect(stdout).toMatch(/^workers +tasks on Spot /m);
  expect(stdout).toMatch(/^workers +tasks on demand /m);
  expect(stdout).toMatch(/^ECR: the worker’s image, about 0\.9 GB +0\.09$/m);
  expect(stdout).toContain('List prices of us-east-1 as of 2026-06');
  expect(stdout).not.toContain('igpt batch submit');
});

test('recommends a data-set job for a million pictures', async () => {
  const words = await igpt(['cost', '--images', '1000000', '--variant', 's']);
  const json = await igpt(['cost', '--images', '999999', '--variant', 's', '--json']);

  expect(words.stdout).toContain('For this many pictures, use a data-set job: igpt batch submit');
  expect(JSON.parse(json.stdout).batch_spares_usd).toBeNull();
});

test('--json prints one object, whose lines add up to the total', async () => {
  const { stdout } = await igpt(['cost', '--images', '5000', '--compute', 'cpu', '--outputs', 'features', '--json']);
  const answer = JSON.parse(stdout);
  const lines = answer.lines.reduce((total: number, { usd }: { usd: number }) => total + usd, 0);

  expect(answer).toMatchObject({
    images: 5000,
    model: 'igpt-nano',
    outputs: ['features'],
    compute: 'cpu',
    prices: { region: 'us-east-1', as_of: '2026-06' },
  });
  expect(answer.usd.spot).toBeCloseTo(lines + answer.workers.spot.usd, 10);
});

test('--compute lambda has one total, functions in place of tasks, and its assumptions', async () => {
  const lambda = ['cost', '--images', '5000', '--variant', 's', '--compute', 'lambda'];
  const [{ stdout }, json] = [await igpt(lambda), await igpt([...lambda, '--json'])];
  const answer = JSON.parse(json.stdout);
  const lines = answer.lines.reduce((total: number, { usd }: { usd: number }) => total + usd, 0);

  expect(stdout).toMatch(/^about 0\.48\d pictures\/s per function, 4 functions at once, done after /m);
  expect(stdout).toMatch(/^infer +time of infer /m);
  expect(stdout).toMatch(/^total +\d/m);
  expect(stdout).not.toMatch(/Spot|on demand|ECR/);
  expect(stdout).toContain('- A function has 3,008 MB and 1.7 vCPU');
  expect(answer).toMatchObject({ compute: 'lambda', workers: null, tasks: 4, utilisation: 0.6 });
  expect(Object.keys(answer.usd)).toEqual(['lambda']);
  expect(answer.usd.lambda).toBeCloseTo(lines, 10);
});

test('features alone need half of the layers, so half of the work', async () => {
  const all = await igpt(['cost', '--images', '1', '--variant', 'm', '--json']);
  const features = await igpt(['cost', '--images', '1', '--variant', 'm', '--outputs', 'features', '--json']);
  const gflop = (text: string) => JSON.parse(text).gflop_per_picture;

  // 1,006.1 GFLOP with the logits, of which the head is 1.07.
  expect(gflop(all.stdout)).toBeCloseTo(1006.1, 1);
  expect(gflop(features.stdout)).toBeCloseTo((1006.1 - 1.07) / 2, 0);
});

test('classes of plain tokens cost a second pass beside other outputs', async () => {
  const plain = ['cost', '--images', '1', '--model', 'test/fixtures/golden/plain', '--json'];
  const gflop = async (...args: string[]) => JSON.parse((await igpt([...plain, ...args])).stdout).gflop_per_picture;
  const classes = await gflop('--outputs', 'classification');
  const likelihood = await gflop('--outputs', 'likelihood');

  expect(await gflop()).toBeCloseTo(classes + likelihood, 12);
  expect(await gflop('--outputs', 'features,likelihood')).toBe(likelihood);
});

test.each([
  [['cost'], '--images'],
  [['cost', '--images', '0'], 'expected a whole number from 1 to 1000000000000'],
  [['cost', '--images', '5', '--resolution', '32'], '--resolution goes with --variant'],
  [['cost', '--images', '5', '--compute', 'p5.48xlarge'], 'expected one of g6.xlarge'],
  [['cost', '--images', '5', '--variant', 'l', '--compute', 'lambda'], '--compute lambda: expected weights of up to'],
  [
    ['cost', '--images', '5', '--outputs', 'likelihood', '--model', 'test/fixtures/golden/oa512bert-hf'],
    'has no likelihood',
  ],
])('%j is a wrong command line', async (args, words) => {
  const { code, stderr, stdout } = await igpt(args);

  expect(stderr).toContain(words);
  expect([code, stdout]).toEqual([2, '']);
});
