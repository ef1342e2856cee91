import { describe, expect, it } from 'vitest';
import { inferStorageMib } from '../../../lib/contracts/infer-storage.ts';

const mib = 2 ** 20;

describe('the function’s /tmp', () => {
  it.each([
    ['holds nothing of a bundled model in f32', 100, { bundled: true, precision: 'f32' }, 512],
    ['holds the copy of a model on S3', 1000, { bundled: false, precision: 'f32' }, 1064],
    ['holds derived weights of at most twice the size', 1000, { bundled: false, precision: 'int8' }, 3064],
    ['holds derived weights of a bundled model', 300, { bundled: true, precision: 'f16' }, 664],
    ['has at most 10,240 MiB', 10_176, { bundled: false, precision: 'f32' }, 10_240],
    ['cannot hold more', 10_177, { bundled: false, precision: 'f32' }, undefined],
  ] as const)('%s', (_, size, choices, expected) => {
    expect(inferStorageMib(size * mib, choices)).toBe(expected);
  });
});
