import { expect, test } from 'vitest';
import { createStages } from '../../../lib/pipeline/observer.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

test('stages list what is being waited for, longest wait first', async () => {
  const clock = createVirtualClock();
  const stages = createStages(clock);
  const work = (ms: number) => () => clock.sleep(ms);
  const running = [stages.run('predicting', 'a', work(10_000))];
  await clock.sleep(1000);
  running.push(stages.run('predicting', 'b', work(10_000)), stages.run('decoding', 'c', work(2000)));
  await clock.sleep(1000);
  expect(stages.waits()).toEqual([
    { stage: 'predicting', pictures: 2, oldest: 'a', waitedMs: 2000 },
    { stage: 'decoding', pictures: 1, oldest: 'c', waitedMs: 1000 },
  ]);
  await Promise.all(running);
  expect(stages.waits()).toEqual([]);
});

test('a stage ends when its work fails, and rejects with the error', async () => {
  const stages = createStages(createVirtualClock());
  await expect(stages.run('storing', 'a', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(stages.waits()).toEqual([]);
});
