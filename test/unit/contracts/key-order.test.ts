import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareKeys, utf8Length } from '../../../lib/contracts/key-order.ts';

const texts = fc.string({ unit: 'binary', maxLength: 20 });

test('keys are compared by their UTF-8 bytes', () => {
  fc.assert(
    fc.property(texts, texts, (a, b) => {
      expect(Math.sign(compareKeys(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
  );
});

test("an astral character comes after U+FFFD, unlike with JavaScript's <", () => {
  expect('\u{10000}' < '\ufffd').toBe(true);
  expect(compareKeys('\u{10000}', '\ufffd')).toBeGreaterThan(0);
});

test('the computed length equals that of the encoded text', () => {
  expect(utf8Length('aé猫🐈')).toBe(1 + 2 + 3 + 4);
  fc.assert(
    fc.property(texts, (text) => {
      expect(utf8Length(text)).toBe(Buffer.byteLength(text));
    }),
  );
});
