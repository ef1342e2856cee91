import { expect, test } from 'vitest';
import type { ImageGptConfig } from '../../../lib/image-gpt/config.ts';
import { createKeyValueCache } from '../../../lib/runtime/key-value-cache.ts';

const config: ImageGptConfig = {
  n_colors: 8,
  n_positions: 100,
  n_embd: 4,
  n_layer: 1,
  n_head: 2,
  n_inner: 16,
  activation_function: 'quick_gelu',
  layer_norm_epsilon: 1e-5,
  objective: 'ar',
  feature_layer: 0,
  feature_norm: 'next',
};
const batch = 2;
const heads = batch * 2;

/** One row for every head of keys and values, [2, batch, 2, 2]. Every number tells its step and its index. */
function row(step: number): Float32Array {
  return Float32Array.from({ length: 2 * heads * 2 }, (_, i) => 100 * step + i);
}

test('rows move to the offsets of the larger capacity when the cache grows', () => {
  const cache = createKeyValueCache(config, batch);
  cache.reset(1);
  expect(cache.capacity).toBe(64);
  const storage = cache.buffers().map((buffer) => buffer.buffer);
  for (let step = 0; step < 100; step++) cache.append(row(step));
  expect([cache.filled, cache.capacity]).toEqual([100, 100]);
  expect(cache.buffers().map((buffer) => buffer.buffer)).toEqual(storage);
  for (const [i, buffer] of cache.buffers().entries()) {
    for (let head = 0; head < heads; head++) {
      for (let step = 0; step < 100; step++) {
        const at = (head * 100 + step) * 2;
        expect([...buffer.subarray(at, at + 2)]).toEqual([
          ...row(step)
            .subarray((i * heads + head) * 2)
            .subarray(0, 2),
        ]);
      }
    }
  }
});

test('rows of a sample are written to its heads only', () => {
  const cache = createKeyValueCache(config, batch);
  cache.reset(64);
  cache.writeSample(
    1,
    Float32Array.from({ length: 2 * 2 * 3 * 2 }, (_, i) => i + 1),
    3,
  );
  cache.fill(3);
  const [keys = new Float32Array(), values = new Float32Array()] = cache.buffers();
  expect([...keys.subarray(2 * 64 * 2, 2 * 64 * 2 + 6)]).toEqual([1, 2, 3, 4, 5, 6]);
  expect([...values.subarray(3 * 64 * 2, 3 * 64 * 2 + 6)]).toEqual([19, 20, 21, 22, 23, 24]);
  expect(keys.subarray(0, 2 * 64 * 2).every((value) => value === 0)).toBe(true);
});

test('a reset empties the cache', () => {
  const cache = createKeyValueCache(config, batch);
  cache.reset(1);
  cache.append(row(1));
  cache.reset(70);
  expect([cache.filled, cache.capacity]).toEqual([0, 100]);
});
