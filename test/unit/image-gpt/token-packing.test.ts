import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bitsPerToken,
  packedLength,
  packTokens,
  TokenPackingError,
  unpackTokens,
} from '../../../lib/image-gpt/token-packing.ts';

const sequence = fc.integer({ min: 2, max: 65_536 }).chain((colors) =>
  fc.record({
    colors: fc.constant(colors),
    tokens: fc.array(fc.nat(colors - 1), { maxLength: 200 }).map((tokens) => Uint16Array.from(tokens)),
  }),
);

describe('bitsPerToken', () => {
  it('is the binary logarithm of the colours, rounded up', () => {
    expect([2, 3, 4, 5, 16, 511, 512, 513, 65_535, 65_536].map(bitsPerToken)).toEqual([
      1, 2, 2, 3, 4, 9, 9, 10, 16, 16,
    ]);
  });

  it('refuses palettes of fewer than 2 or more than 65,536 colours', () => {
    for (const colors of [1, 0, -1, 2.5, 65_537]) expect(() => bitsPerToken(colors)).toThrow(TokenPackingError);
  });
});

describe('packTokens and unpackTokens', () => {
  it('packs the 1,024 tokens of a 32x32 picture with 512 colours into 1,152 bytes', () => {
    const tokens = Uint16Array.from({ length: 1024 }, (_, i) => (i * 37) % 512);
    const packed = packTokens(tokens, 512);
    expect(packed).toHaveLength(1152);
    expect(unpackTokens(packed, 1024, 512)).toEqual(tokens);
  });

  it('puts the highest bit first and fills with zeros: 101 and 011 become 1010 1100', () => {
    expect([...packTokens(Uint16Array.of(5, 3), 8)]).toEqual([0b1010_1100]);
  });

  it('restores the packed tokens, and packs to the promised length', () => {
    fc.assert(
      fc.property(sequence, ({ tokens, colors }) => {
        const packed = packTokens(tokens, colors);
        expect(packed.length).toBe(packedLength(tokens.length, colors));
        expect(packed.length).toBe(Math.ceil((tokens.length * Math.ceil(Math.log2(colors))) / 8));
        expect(unpackTokens(packed, tokens.length, colors)).toEqual(tokens);
      }),
    );
  });

  it('accepts only bytes that packing writes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 12 }),
        fc.integer({ min: 2, max: 600 }),
        fc.nat(20),
        (bytes, colors, n) => {
          let tokens: Uint16Array;
          try {
            tokens = unpackTokens(bytes, n, colors);
          } catch (error) {
            expect(error).toBeInstanceOf(TokenPackingError);
            return;
          }
          expect(packTokens(tokens, colors)).toEqual(bytes);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('refuses another length, tokens outside the palette, and bits after the end', () => {
    expect(() => unpackTokens(new Uint8Array(1151), 1024, 512)).toThrow(
      'Expected 1152 bytes for 1024 tokens of 9 bits, received 1151.',
    );
    expect(() => unpackTokens(Uint8Array.of(0b1101_0000), 2, 5)).toThrow('below 5, received 6 at position 0');
    expect(() => unpackTokens(Uint8Array.of(0b1010_1101), 2, 8)).toThrow('zero bits after the last of 2 tokens');
    expect(() => packTokens(Uint16Array.of(1, 512), 512)).toThrow('below 512, received 512 at position 1');
  });

  it('packs no tokens into no bytes', () => {
    expect(packTokens(new Uint16Array(0), 512)).toHaveLength(0);
    expect(unpackTokens(new Uint8Array(0), 0, 512)).toHaveLength(0);
  });
});
