import { expect, test } from 'vitest';
import { paletteToFetch } from '../../../lib/checkpoint/preprocessor-file.ts';

test('of 512 colours it is the palette that OpenAI published, else the model’s own', () => {
  expect(paletteToFetch(512)).toMatch(/^https:\S+\/color-clusters\/kmeans_centers\.npy, /);
  expect(paletteToFetch(16)).toMatch(/with 16 clusters from where the weights were published$/);
});
