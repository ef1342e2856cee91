import { expect, it } from 'vitest';
import { createStageClock } from '../../../../lib/cli/verbs/smoke.ts';

it('times each stage and prints a line for each', () => {
  let [time, text] = [0, ''];
  const stream = { write: (part: string) => (text += part) };
  using stages = createStageClock(stream, () => time);
  stages.start('uploading');
  time = 500;
  stages.done('picture stored', 'waiting');
  time = 62_500;
  stages.done('outcome stored', '');

  expect(stages.list()).toEqual([
    { stage: 'picture stored', seconds: 0.5 },
    { stage: 'outcome stored', seconds: 62 },
  ]);
  expect(text).toBe('0:01 picture stored\n1:03 outcome stored\n');
});
