import { describe, expect, it } from 'vitest';
import { keptPart, PictureGridError, pictureGrid } from '../../../lib/image-gpt/picture-grid.ts';

function flat(level: number, width = 2, height = 1) {
  return { rgb: new Uint8Array(width * height * 3).fill(level), width, height };
}

describe('keptPart', () => {
  it('keeps the first pixels in raster order and makes the rest grey', () => {
    const part = keptPart(flat(7, 2, 2), 3);
    expect([...part.rgb]).toEqual([7, 7, 7, 7, 7, 7, 7, 7, 7, 128, 128, 128]);
    expect([part.width, part.height]).toEqual([2, 2]);
  });
});

describe('pictureGrid', () => {
  it('draws tiles with gaps of 2 white pixels, each pixel as a square', () => {
    const { rgb, width, height } = pictureGrid([[flat(1), flat(2)], [flat(3)]], 3);
    // Width 2 + 2 x (2 x 3 + 2), height 2 + 2 x (1 x 3 + 2)
    expect([width, height]).toEqual([18, 12]);
    const at = (x: number, y: number) => rgb[(y * width + x) * 3];
    expect([at(0, 0), at(2, 2), at(7, 4), at(8, 4)]).toEqual([255, 1, 1, 255]);
    expect([at(10, 2), at(15, 4), at(16, 4)]).toEqual([2, 2, 255]);
    expect([at(2, 7), at(7, 9), at(10, 7)]).toEqual([3, 3, 255]);
  });

  it('refuses tiles of different sizes, and no tiles', () => {
    expect(() => pictureGrid([[flat(1), flat(1, 3)]], 1)).toThrow(PictureGridError);
    expect(() => pictureGrid([[flat(1), flat(1, 3)]], 1)).toThrow('Expected tiles of 2x1, received one of 3x1.');
    expect(() => pictureGrid([], 1)).toThrow('at least one picture');
  });
});
