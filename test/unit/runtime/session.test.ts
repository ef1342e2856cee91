import { expect, test } from 'vitest';
import type { ImageGptConfig } from '../../../lib/image-gpt/config.ts';
import { steadyThreads } from '../../../lib/runtime/session.ts';

function config(n_embd: number, n_colors = 512): ImageGptConfig {
  return {
    n_colors,
    n_positions: 1024,
    n_embd,
    n_layer: 2,
    n_head: 1,
    n_inner: 4 * n_embd,
    activation_function: 'quick_gelu',
    layer_norm_epsilon: 1e-5,
    objective: 'ar',
    feature_layer: 1,
    feature_norm: 'next',
  };
}

test('the published models use several threads', () => {
  expect(steadyThreads(config(512), 8, 256)).toBe(6); // S: 512 columns
  expect(steadyThreads(config(1536), 8, 256)).toBe(6); // L: 512 colours
  expect(steadyThreads(config(512), 4, 256)).toBe(4);
});

test('a model with more columns than rows gets at least 80 columns per thread', () => {
  expect(steadyThreads(config(256), 8, 64)).toBe(3); // 256 columns
  expect(steadyThreads(config(128), 8, 64)).toBe(1);
});

test('a narrow model may use all threads, as its sums have one step', () => {
  expect(steadyThreads(config(32, 8), 4, 16)).toBe(4); // n_inner x d is 128 terms
});
