import { describe, expect, test } from 'vitest';
import {
  type FunctionModel,
  inferStorage,
  inferThreads,
  picturesPerMessage,
  whyNoFunction,
} from '../../../lib/contracts/infer-function.ts';

/** As print-function-model.ts prints the paper's sizes at 32x32, with all outputs. */
const [nano, s, m, l] = [
  { gflop: 0.74, parameters: 1.35e6 },
  { gflop: 181, parameters: 76.8e6 },
  { gflop: 1006, parameters: 455e6 },
  { gflop: 2941, parameters: 1.363e9 },
].map((size): FunctionModel => ({ ...size, bytes: 4 * size.parameters, converted: false })) as [
  FunctionModel,
  FunctionModel,
  FunctionModel,
  FunctionModel,
];
const stored16 = (model: FunctionModel): FunctionModel => ({ ...model, bytes: 2 * model.parameters, converted: true });

test.each([
  [1024, 1],
  [1769, 1],
  [1770, 2],
  [3008, 2],
  [3538, 2],
  [3539, 3],
  [10_240, 6],
])('with %d MB, 32-bit weights are computed by %d threads: one for each vCPU or part of one', (megabytes, threads) => {
  expect(inferThreads(s, megabytes)).toBe(threads);
});

test('converted weights have as many threads as copies of them fit into the memory', () => {
  // 307 MB a thread: seven would fit into 3,008 - 700 MB.
  expect(inferThreads(stored16(s), 3008)).toBe(2);
  // 1,820 MB a thread.
  expect(inferThreads(stored16(m), 3008)).toBe(1);
  expect(inferThreads(stored16(m), 4400)).toBe(2);
});

describe('pictures in a message', () => {
  test.each([
    ['nano', nano, 100],
    // 3.5 s a picture at 30 GFLOP/s for each of 1.7 vCPUs; a delivery of ten messages has 300 s.
    ['S', s, 8],
    // 19.7 s a picture.
    ['M', m, 1],
    ['L', l, 0],
  ])('of %s are so few that a delivery ends in a third of the timeout', (_, model, pictures) => {
    expect(picturesPerMessage(model, 3008)).toBe(pictures);
  });

  test('grow with the memory, and shrink with it', () => {
    expect(picturesPerMessage(s, 10_240)).toBe(28);
    expect(picturesPerMessage(s, 1024)).toBe(2);
    // One thread: 33.5 s a picture.
    expect(picturesPerMessage(stored16(m), 3008)).toBe(0);
  });
});

describe('a function', () => {
  test.each([
    ['nano', nano],
    ['S', s],
    ['M', m],
  ])('of the default size fits %s', (_, model) => {
    expect(whyNoFunction(model, 3008)).toBeUndefined();
  });

  test.each([3008, 10_240])('never fits L, whatever its memory (%d MB): each would fetch 5 GB first', (megabytes) => {
    expect(whyNoFunction(l, megabytes)).toBe(
      'expected weights of up to 2048 MB, because each function fetches them before its first picture; these have 5452 MB in 32 bits. Deploy this model with compute=gpu',
    );
    expect(whyNoFunction(stored16(l), megabytes)).toContain('5452 MB');
  });

  test('needs memory for the weights', () => {
    expect(whyNoFunction(m, 2519)).toBe(
      'expected inferMemory of at least 2520 (MB), for 1820 MB of weights; received 2519',
    );
    expect(whyNoFunction(s, 1024)).toBeUndefined();
  });

  test('needs time for ten pictures: 30 s each', () => {
    expect(whyNoFunction(m, 2520)).toBeUndefined();
    expect(whyNoFunction(stored16(m), 3008)).toBe(
      'expected at most 30 s a picture, so that a delivery of 10 ends in a third of the longest time that Lambda allows; this model takes about 34 s with 3008 MB. Raise inferMemory (up to 10240), or deploy this model with compute=gpu',
    );
    expect(whyNoFunction(stored16(m), 4400)).toBeUndefined();
  });
});

test('/tmp holds the files of the model, and weights that are converted there, in 32 bits at most', () => {
  expect(inferStorage(nano)).toBe(512);
  expect(inferStorage(m)).toBe(1920);
  // M in 16 bits: 910 MB, 1,820 MB and 100 MB.
  expect(inferStorage({ ...m, bytes: 910e6, converted: true })).toBe(2830);
});
