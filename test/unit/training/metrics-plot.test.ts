import { expect, test } from 'vitest';
import { metricsPlot } from '../../../lib/training/metrics-plot.ts';

const step = (number: number) => ({ type: 'step', step: number, loss: 6 / number }) as const;

test('draws both curves, the training one thinned to what a plot can show', () => {
  const metrics = Array.from({ length: 5000 }, (_, i) => step(i + 1));
  const drawn = metricsPlot('tiny on x.npy', [...metrics, { type: 'validation', step: 5000, loss: 1 }]);
  expect(drawn).toContain('tiny on x.npy');
  expect(drawn).toContain('held out');
  const [training = ''] = /points="([^"]*)"/.exec(drawn)?.slice(1) ?? [];
  expect(training.split(' ')).toHaveLength(295); // means of 17 steps
});

test('draws an empty plot before the first step', () => {
  expect(metricsPlot('new', [])).toContain('<svg');
});
