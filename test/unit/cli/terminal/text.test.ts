import { expect, test } from 'vitest';
import { printable } from '../../../../lib/cli/terminal/text.ts';

test('leaves names in any script alone', () => {
  expect(printable('Chelsea & 猫 – Ünïcode 😀.jpg')).toBe('Chelsea & 猫 – Ünïcode 😀.jpg');
});

test('shows control characters, line separators and reading-direction marks instead of obeying them', () => {
  expect(printable('a\u001b[2Jb\nc\u2028d\u202egpj')).toBe(String.raw`a\u001b[2Jb\u000ac\u2028d\u202egpj`);
});
