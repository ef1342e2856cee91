import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { displayWidth, table } from '../../../../lib/cli/terminal/table.ts';

describe('table', () => {
  test('aligns words left and numbers right, without trailing spaces', () => {
    const text = table(
      [{ title: 'file' }, { title: 'pictures', align: 'right' }, { title: 'note' }],
      [
        ['a', '3', ''],
        ['long name', '1200', 'x'],
      ],
    );

    expect(text).toBe(['file       pictures  note', 'a                 3', 'long name      1200  x', ''].join('\n'));
  });

  test('escapes what a terminal would obey in cells and titles, also colours that are not ours', () => {
    const text = table([{ title: 'file\u202e' }], [['\u001b[8mhidden'], ['a\nb\u009b2J'], [{ red: 'code\u001b[2J' }]]);

    expect(stripVTControlCharacters(text)).toBe('file\\u202e\n\\u001b[8mhidden\na\\u000ab\\u009b2J\ncode\\u001b[2J\n');
  });

  test('prints the titles alone when there are no rows', () => {
    expect(table([{ title: 'code' }, { title: 'pictures' }], [])).toBe('code  pictures\n');
  });

  test('counts what stands on the screen: colours take no room, Chinese characters and emoji two columns', () => {
    expect(displayWidth('\u001b[31mred\u001b[39m')).toBe(3);
    expect(displayWidth('猫.jpg')).toBe(6);
    expect(displayWidth('👍🏽')).toBe(2);
    expect(displayWidth('e\u0301')).toBe(1);
  });
});
