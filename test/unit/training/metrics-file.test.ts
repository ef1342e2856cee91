import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { metricsPlot, openMetricsFile } from '../../../lib/training/metrics-file.ts';

test('drops metrics after the step that a training resumes from, and a line that is cut short', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'igpt-metrics-'));
  const path = join(folder, 'metrics.ndjson');
  const step = (number: number) => ({ type: 'step', step: number, loss: 1 / number, gradient_norm: 0.1 }) as const;
  {
    await using file = await openMetricsFile(path, 0);
    for (const number of [1, 2, 3]) file.add(step(number));
    file.add({ type: 'validation', step: 3, loss: 2, best: true });
  }
  appendFileSync(path, '{"type":"step","st');

  await using again = await openMetricsFile(path, 2);
  again.add({ ...step(3), loss: 7 });
  const expected = [step(1), step(2), { ...step(3), loss: 7 }];
  expect(again.metrics).toEqual(expected);
  expect(readFileSync(path, 'utf8')).toBe(expected.map((metric) => `${JSON.stringify(metric)}\n`).join(''));
  rmSync(folder, { recursive: true });
});

test.skipIf(process.platform === 'win32')('refuses a pipe in its place', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'igpt-metrics-'));
  const path = join(folder, 'metrics.ndjson');
  execFileSync('mkfifo', [path]);
  await expect(openMetricsFile(path, 0)).rejects.toMatchObject({ code: 'not_a_file' });
  rmSync(folder, { recursive: true });
});

describe('metrics plot', () => {
  const step = (number: number) => ({ type: 'step', step: number, loss: 6 / number }) as const;

  test('draws both curves, the training curve averaged to what a chart can show', () => {
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
});
