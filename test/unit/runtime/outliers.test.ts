import { expect, test } from 'vitest';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { channelRatios, findOutliers } from '../../../lib/runtime/outliers.ts';
import { randomTokens } from '../../support/tiny-checkpoint.ts';
import { wideCheckpoint } from '../../support/wide-checkpoint.ts';

test('a channel of magnitude 12 among 1, 2 and 3 is 4 times the median', () => {
  // Two rows of one layer of 4 channels; largest magnitudes 1, 2, 12 and 3.
  expect(channelRatios(Float32Array.of(1, -2, 3, 3, 0, 1, -12, 0), 1, 4)).toEqual([4]);
});

test('each layer has its own ratio', () => {
  expect(channelRatios(Float32Array.of(1, 1, 1, 5), 2, 2)).toEqual([1, 1]);
  expect(channelRatios(Float32Array.of(1, 1, 9, 1, 2, 10), 2, 3)).toEqual([9, 5]);
});

test('channels x40 after the norms show after the norm, not in the residual stream', async () => {
  await using wide = await wideCheckpoint('outliers');
  const model = await openCheckpoint(wide.directory);
  const outliers = await findOutliers(model, randomTokens(1, 256, 512));
  expect(outliers.map(({ layer }) => layer)).toEqual([0, 1, 2, 3, 4]);
  for (const { layer, raw, normed } of outliers) {
    expect(raw).toBeLessThan(10);
    // ln_f, the last one, has no outliers.
    if (layer < 4) expect(normed).toBeGreaterThan(25);
    else expect(normed).toBeLessThan(10);
  }
});
