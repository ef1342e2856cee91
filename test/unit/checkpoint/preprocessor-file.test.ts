import { expect, test } from 'vitest';
import { paletteToFetch } from '../../../lib/checkpoint/preprocessor-file.ts';

test('a missing palette of 512 colours is OpenAI’s; any other comes from the publisher of the weights', () => {
  expect(paletteToFetch(512)).toMatch(/^https:\S+\/color-clusters\/kmeans_centers\.npy, /);
  expect(paletteToFetch(16)).toMatch(/with 16 clusters, from the publisher of the weights$/);
});
