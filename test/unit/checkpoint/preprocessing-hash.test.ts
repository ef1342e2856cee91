import { describe, expect, it } from 'vitest';
import { preprocessingHash } from '../../../lib/checkpoint/preprocessing-hash.ts';
import type { Preprocessing } from '../../../lib/ports/model.ts';

const preprocessing: Preprocessing = {
  height: 4,
  width: 4,
  resample: 2,
  crop: 'none',
  palette: Float32Array.of(0, 0.5, -1, 1, 1, 1),
};

describe('preprocessingHash', () => {
  it('is equal for equal preprocessing, and the same in every release', () => {
    expect(preprocessingHash({ ...preprocessing, palette: preprocessing.palette.slice() })).toBe('400be777a4c5e4bc');
  });

  it.each<[string, Partial<Preprocessing>]>([
    ['height', { height: 8 }],
    ['width', { width: 8 }],
    ['filter', { resample: 3 }],
    ['crop', { crop: 'short-224-center' }],
    ['palette', { palette: Float32Array.of(0, 0.5, -1, 1, 1, 0.9999999) }],
    ['order of the palette', { palette: Float32Array.of(1, 1, 1, 0, 0.5, -1) }],
  ])('changes with the %s', (_, change) => {
    expect(preprocessingHash({ ...preprocessing, ...change })).not.toBe(preprocessingHash(preprocessing));
  });

  it('changes with scaled decoding', () => {
    expect(preprocessingHash(preprocessing, true)).not.toBe(preprocessingHash(preprocessing, false));
  });
});
