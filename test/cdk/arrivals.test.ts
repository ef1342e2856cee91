import { expect, test } from 'vitest';
import { type Ceilings, playArrivals } from './arrivals.ts';
import { readRules } from './scaling-rules.ts';
import { imageGptTemplate } from './synthesize.ts';

const twenty = readRules(imageGptTemplate({ maxTasks: 20 }));
const seeds = [1, 2];

/** The number of tasks goes up and down, and the backlog with it (pictures/s). */
const nearly = 10;

/** 1,000 functions of 40 pictures/s, and tasks of 50 pictures/s. */
const wide: Ceilings = {
  preprocessConcurrency: 1000,
  functionsAtOnce: 1000,
  picturesPerFunction: 40,
  picturesPerTask: 50,
  instances: { main: 20, onDemand: 0 },
  writes: 3500,
  publishes: 30_000,
};

test.each(seeds)('100 pictures/s need 2 tasks of 50, and no backlog grows; seed %d', (seed) => {
  const { grows, tasks } = playArrivals(twenty, wide, 100, seed);

  expect(grows.uploads).toBe(0);
  expect(Math.abs(grows.tokens)).toBeLessThan(nearly);
  expect(tasks.main).toBeGreaterThanOrEqual(2);
});

test.each(seeds)('of 10,000 pictures/s, 20 tasks of 50 leave 9,000 in the tokens queue; seed %d', (seed) => {
  expect(playArrivals(twenty, wide, 10_000, seed)).toEqual({
    tasks: { main: 20, onDemand: expect.any(Number) },
    grows: { uploads: 0, tokens: 9000 },
  });
});

test('of 1,000 pictures/s, 6 functions of 40 leave 760 in the uploads queue', () => {
  const { grows } = playArrivals(twenty, { ...wide, preprocessConcurrency: 6 }, 1000, 1);

  expect(grows.uploads).toBe(760);
  // The others are fewer than 20 tasks of 50 can do.
  expect(Math.abs(grows.tokens)).toBeLessThan(nearly);
});

test('an account with 10 functions at once counts, not the setting', () => {
  expect(playArrivals(twenty, { ...wide, functionsAtOnce: 10 }, 1000, 1).grows.uploads).toBe(600);
});

test('a quota of 16 instances leaves 200 of 1,000 pictures/s, although 20 tasks are desired', () => {
  const { grows, tasks } = playArrivals(twenty, { ...wide, instances: { main: 16, onDemand: 0 } }, 1000, 1);

  expect(tasks.main).toBe(20);
  expect(grows.tokens).toBe(200);
});

test('S3 that accepts 3,500 outcomes a second leaves 6,500 of 10,000 pictures/s, however fast the tasks are', () => {
  expect(playArrivals(twenty, { ...wide, picturesPerTask: 500 }, 10_000, 1).grows.tokens).toBe(6500);
});

test('a topic that accepts 300 events a second leaves 700 of 1,000 pictures/s', () => {
  expect(playArrivals(twenty, { ...wide, publishes: 300 }, 1000, 1).grows.tokens).toBe(700);
});
