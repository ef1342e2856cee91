import { expect, test } from 'vitest';
import { releaseMemory } from '../../../lib/image-gpt/release-memory.ts';

test('a released array has no memory', () => {
  const pixels = new Uint8Array(1000);
  releaseMemory(pixels);
  expect([pixels.length, pixels.buffer.byteLength]).toEqual([0, 0]);
});

test('shared memory is kept', () => {
  const weights = new Float32Array(new SharedArrayBuffer(8)).fill(1);
  releaseMemory(weights);
  expect([...weights]).toEqual([1, 1]);
});
