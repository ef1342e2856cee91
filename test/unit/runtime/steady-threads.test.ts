import { expect, test } from 'vitest';
import type { ImageGptConfig } from '../../../lib/image-gpt/config.ts';
import { steadyThreads } from '../../../lib/runtime/steady-threads.ts';

function config(n_embd: number, n_positions: number, n_colors = 512): ImageGptConfig {
  return {
    n_colors,
    n_positions,
    n_embd,
    n_layer: 2,
    n_head: 1,
    n_inner: 4 * n_embd,
    layer_norm_epsilon: 1e-5,
    objective: 'ar',
    feature_layer: 1,
    feature_norm: 'next',
  };
}

test('the published models run on as many threads as are wanted', () => {
  expect(steadyThreads(config(512, 1024), 8)).toBe(8); // S
  expect(steadyThreads(config(1536, 1024), 8)).toBe(8); // L
});

test('a model wider than it is long gets at least 80 columns a thread', () => {
  expect(steadyThreads(config(256, 64), 8)).toBe(3); // 256 columns
  expect(steadyThreads(config(128, 64), 8)).toBe(1);
});

test('a narrow model is not held back, as its sums are never cut into steps', () => {
  expect(steadyThreads(config(32, 16, 8), 4)).toBe(4); // n_inner x d is 128 terms
});
