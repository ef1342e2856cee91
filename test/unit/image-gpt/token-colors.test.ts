import { describe, expect, it } from 'vitest';
import { paletteToRgb, TokenError, tokensToRgb } from '../../../lib/image-gpt/token-colors.ts';
import { decoded512, palette512 } from '../../support/golden-quant.ts';

describe('tokensToRgb', () => {
  it('gives the golden colour of each of the 512 centroids', () => {
    const tokens = Object.keys(decoded512).map(Number);
    expect(tokens).toHaveLength(512);
    expect([...tokensToRgb(tokens, palette512)]).toEqual(Object.values(decoded512).flat());
  });

  it('names a token outside the palette', () => {
    expect(() => tokensToRgb([0, 512], palette512)).toThrow(TokenError);
    expect(() => tokensToRgb([0, 512], palette512)).toThrow("palette's 512 colours, received 512 at position 1");
  });
});

describe('paletteToRgb', () => {
  it('rounds halves to even and clamps values outside -1 to 1', () => {
    // 127.5 * (c + 1): 127.5 goes to 128, 63.75 to 64, -25.5 to 0, 280.5 to 255.
    expect([...paletteToRgb(Float32Array.of(0, -0.5, 1, -1.2, 1.2, -1))]).toEqual([128, 64, 255, 0, 255, 0]);
  });
});
