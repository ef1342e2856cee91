import { ImageGptError } from '../ports/error.ts';
import { maxColors } from './quantizer.ts';

/** Packed tokens are damaged, or tokens do not fit the palette. */
export class TokenPackingError extends ImageGptError {}

/** Bits per token: ceil(log2 V), which is 9 for 512 colours. */
export function bitsPerToken(colors: number): number {
  if (!Number.isInteger(colors) || colors < 2 || colors > maxColors) {
    throw new TokenPackingError('invalid_palette', `Expected 2 to ${maxColors} colours, received ${colors}.`);
  }
  return 32 - Math.clz32(colors - 1);
}

/** Size of `count` packed tokens (bytes): 1,152 for 1,024 tokens of 512 colours. */
export function packedLength(count: number, colors: number): number {
  return Math.ceil((count * bitsPerToken(colors)) / 8);
}

/**
 * Packs tokens without gaps, highest bit first. Zeros fill the last byte.
 *
 * @throws {TokenPackingError} when a token is not below `colors`
 */
export function packTokens(tokens: Uint16Array, colors: number): Uint8Array {
  const bits = bitsPerToken(colors);
  const packed = new Uint8Array(packedLength(tokens.length, colors));
  let held = 0;
  let heldBits = 0;
  let o = 0;
  for (let i = 0; i < tokens.length; i += 1) {
    // At most 7 bits are left from earlier tokens, so at most 23 bits are held.
    held = (held << bits) | checkToken(tokens[i]!, colors, i);
    heldBits += bits;
    while (heldBits >= 8) {
      heldBits -= 8;
      packed[o] = held >> heldBits;
      o += 1;
    }
    held &= (1 << heldBits) - 1;
  }
  if (heldBits > 0) packed[o] = held << (8 - heldBits);
  return packed;
}

/**
 * Reverses {@link packTokens}. Refuses everything that it does not write.
 *
 * @throws {TokenPackingError} when the length is not that of `count` tokens, a token is not below `colors`, or the
 *   bits after the last token are not zero
 */
export function unpackTokens(packed: Uint8Array, count: number, colors: number): Uint16Array {
  const bits = bitsPerToken(colors);
  if (!Number.isSafeInteger(count) || count < 0 || packed.length !== packedLength(count, colors)) {
    throw new TokenPackingError(
      'invalid_tokens',
      `Expected ${packedLength(count, colors)} bytes for ${count} tokens of ${bits} bits, received ${packed.length}.`,
    );
  }
  const tokens = new Uint16Array(count);
  let held = 0;
  let heldBits = 0;
  let p = 0;
  for (let i = 0; i < count; i += 1) {
    while (heldBits < bits) {
      held = (held << 8) | packed[p]!;
      heldBits += 8;
      p += 1;
    }
    heldBits -= bits;
    tokens[i] = checkToken(held >> heldBits, colors, i);
    held &= (1 << heldBits) - 1;
  }
  if (held !== 0) {
    throw new TokenPackingError('invalid_tokens', `Expected zero bits after the last of ${count} tokens.`);
  }
  return tokens;
}

function checkToken(token: number, colors: number, position: number): number {
  if (token >= colors) {
    throw new TokenPackingError(
      'invalid_tokens',
      `Expected tokens below ${colors}, received ${token} at position ${position}.`,
    );
  }
  return token;
}
