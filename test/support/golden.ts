import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { z } from 'zod';
import { decodeNpy, type NpyArray } from '../../lib/image-gpt/npy.ts';

const fixtures = join(import.meta.dirname, '../fixtures/golden');

/** Path of a golden fixture. */
export function golden(...names: string[]): string {
  return join(fixtures, ...names);
}

export function goldenNpy(...names: string[]): NpyArray {
  return decodeNpy(readFileSync(golden(...names)));
}

export function goldenJson<T>(schema: z.ZodType<T>, ...names: string[]): T {
  return schema.parse(JSON.parse(readFileSync(golden(...names), 'utf8')));
}

const rows = z.array(z.array(z.number()));

/** Tokens [batch, n] and the BERT mask [batch, n], both flat. */
export function goldenInputs(model: string): { tokens: Int32Array; mask: Uint8Array } {
  const { X, bert_masked } = goldenJson(z.object({ X: rows, bert_masked: rows }), model, 'inputs.json');
  return { tokens: Int32Array.from(X.flat()), mask: Uint8Array.from(bert_masked.flat()) };
}

/** Largest absolute value, at least 1. Tolerances are relative to it. */
export function magnitude(values: ArrayLike<number>): number {
  return Array.from(values).reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
}

/** Largest distance between two lists of equal length. */
export function distance(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  return Array.from(actual).reduce((largest, value, i) => Math.max(largest, Math.abs(value - expected[i]!)), 0);
}

/** Expects `actual` within 2e-5 x max(1, largest reference value), the tolerance of golden values in float32. */
export function expectGolden(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(distance(actual, expected)).toBeLessThanOrEqual(2e-5 * magnitude(expected));
}
