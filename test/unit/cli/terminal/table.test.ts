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

  test('escapes what a terminal would obey in cells and titles, except colours', () => {
    const text = table([{ title: 'file\u202e' }], [['\u001b[31mred\u001b[39m'], ['a\nb\u009b2J']]);

    expect(text).toBe('file\\u202e\n\u001b[31mred\u001b[39m\na\\u000ab\\u009b2J\n');
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
