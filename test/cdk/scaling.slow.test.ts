import { test } from 'vitest';
import { readRules } from './scaling-rules.ts';
import { expectNoOnDemand, expectToWake } from './scaling-scenarios.ts';
import { imageGptTemplate } from './synthesize.ts';

test.each(['gpu', 'cpu'])(
  'waking from zero on %s, 1,000 seeds: no task is taken away between an upload and its first outcome',
  (compute) => {
    expectToWake(readRules(imageGptTemplate({ compute })), 1000);
  },
);

test.each([4, 20])(
  'at most %d tasks, 1,000 seeds: a healthy start of five minutes starts none on demand',
  (maxTasks) => {
    expectNoOnDemand(readRules(imageGptTemplate({ maxTasks })), 1000);
  },
);
