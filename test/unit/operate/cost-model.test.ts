import { expect, it } from 'vitest';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { costModel } from '../../../lib/operate/cost-model.ts';
import { tinyCheckpoint } from '../../support/tiny-checkpoint.ts';

it('counts no classes of a regression, as no verb computes them', async () => {
  await using tiny = await tinyCheckpoint({ classes: 3, config: { problem_type: 'regression' } });
  const checkpoint = await openCheckpoint(tiny.directory);

  expect(costModel(checkpoint).outputs).toEqual(['features', 'likelihood']);
  expect(() => costModel(checkpoint, ['classification'])).toThrow(/has no classification: .* regression/);
});
