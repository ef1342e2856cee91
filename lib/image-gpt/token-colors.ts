import { ImageGptError } from '../ports/error.ts';
import { roundHalfToEven } from './resize.ts';

/** A token that is not in the palette. */
export class TokenError extends ImageGptError {}

/**
 * Colours of tokens, as the model sees the picture: rint(127.5 * (c + 1)), 8 bits.
 *
 * @param tokens [n]
 * @param palette [V, 3] in [-1, 1]
 * @returns [n, 3]
 * @throws {TokenError} when a token is not below V
 */
export function tokensToRgb(tokens: ArrayLike<number>, palette: Float32Array): Uint8Array {
  const colors = paletteToRgb(palette);
  const rgb = new Uint8Array(tokens.length * 3);
  for (let i = 0; i < tokens.length; i += 1) {
    const token = tokens[i]!;
    if (!Number.isInteger(token) || token < 0 || token * 3 >= colors.length) {
      throw new TokenError(
        'invalid_token',
        `Expected tokens below the palette's ${colors.length / 3} colours, received ${token} at position ${i}.`,
      );
    }
    rgb.set(colors.subarray(token * 3, token * 3 + 3), i * 3);
  }
  return rgb;
}

/** Converts a palette [V, 3] from [-1, 1] to 8 bits. Values outside are clamped. */
export function paletteToRgb(palette: Float32Array): Uint8Array {
  return Uint8Array.from(palette, (c) => Math.min(255, Math.max(0, roundHalfToEven(127.5 * (c + 1)))));
}
