import { describe, expect, test } from 'vitest';
import { printable, printableOutput } from '../../../../lib/cli/terminal/text.ts';

/** Every character that a terminal obeys, or that turns the reading direction. */
const obeyed = [
  ...range(0x00, 0x1f),
  ...range(0x7f, 0x9f),
  0x061c,
  0x200e,
  0x200f,
  ...range(0x2028, 0x202e),
  ...range(0x2066, 0x2069),
].map((code) => String.fromCharCode(code));

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

describe('printable', () => {
  test('leaves names in any script alone', () => {
    for (const name of ['Chelsea & 猫 – Ünïcode 😀.jpg', 'שלום.png', 'صورة.jpg', '👩‍🚀\u00a0é.gif']) {
      expect(printable(name)).toBe(name);
    }
  });

  test('shows every character that a terminal obeys as its JSON escape', () => {
    expect(printable('a\u001b[2Jb\nc\u2028d\u202egpj')).toBe(String.raw`a\u001b[2Jb\u000ac\u2028d\u202egpj`);
    for (const character of obeyed) {
      expect(JSON.parse(`"${printable(character)}"`)).toBe(character);
      expect(printable(character)).toMatch(/^\\u[0-9a-f]{4}$/);
    }
  });
});

describe('output', () => {
  test('keeps lines, colours and what bars and views draw with', () => {
    const drawn = '\u001b[H\u001b[2Ja\u001b[K\n\tb\u001b[J\r\u001b[2Kc\u001b[31md\u001b[39m\n';
    expect(printableOutput(drawn)).toBe(drawn);
  });

  test.each(['\u001b]0;title\u0007', '\u001b[6n', '\u001bc', '\u001b[8;1;1t', '\ra', '\b', '\u009b2J', '\u0085'])(
    'shows %j',
    (text) => {
      expect(printableOutput(text)).toMatch(/^[ -~]+$/);
    },
  );

  test('is JSON of the same value if it was JSON', () => {
    const value = Object.fromEntries(obeyed.map((character) => [`\\${character}`, [`${character}"\\`, character]]));
    const text = printableOutput(JSON.stringify(value));
    expect(JSON.parse(text)).toEqual(value);
    expect(text).toMatch(/^[ -~]+$/);
  });
});
