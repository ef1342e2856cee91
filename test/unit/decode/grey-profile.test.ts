import { describe, expect, it } from 'vitest';
import { greyProfileColors, isGrey, isGreyProfile } from '../../../lib/decode/grey-profile.ts';
import { greyProfile } from '../../support/icc-profile.ts';

const identity = Array.from({ length: 256 }, (_, level) => [level, level, level]).flat();

describe('greyProfileColors', () => {
  it('gives the sRGB level of each level under a gamma, and three equal channels', async () => {
    const colors = await greyProfileColors(greyProfile(1));
    // sRGB's curve of linear light: 1.055 x (128 / 255) ** (1 / 2.4) - 0.055 = 0.737, of 255 levels.
    for (const [level, expected] of [
      [0, 0],
      [64, 137],
      [128, 188],
      [255, 255],
    ] as const) {
      expect([...colors.subarray(level * 3, level * 3 + 3)], `level ${level}`).toEqual([expected, expected, expected]);
    }
    expect(colors).toHaveLength(768);
  });

  it('changes nothing under a profile that is damaged or not for greys', async () => {
    const colours = greyProfile(1);
    colours.write('RGB ', 16, 'latin1');
    for (const profile of [colours, greyProfile(1).subarray(0, 150), Buffer.alloc(300), Buffer.alloc(1)]) {
      expect([...(await greyProfileColors(profile))]).toEqual(identity);
    }
  });
});

describe('isGreyProfile', () => {
  it('reads the colour space of a profile', () => {
    const colours = greyProfile(1);
    colours.write('RGB ', 16, 'latin1');
    expect([greyProfile(1), colours, Buffer.alloc(17)].map(isGreyProfile)).toEqual([true, false, false]);
  });
});

describe('isGrey', () => {
  it('compares red, green and blue of every pixel, and no alpha', () => {
    expect(isGrey(Uint8Array.of(1, 1, 1, 9, 2, 2, 2, 8), 4)).toBe(true);
    expect(isGrey(Uint8Array.of(1, 1, 1, 2, 2, 3), 3)).toBe(false);
    expect(isGrey(Uint8Array.of(1, 1, 1, 2, 3, 2), 3)).toBe(false);
  });
});
