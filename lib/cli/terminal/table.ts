import { stripVTControlCharacters } from 'node:util';
import { printableColored } from './text.ts';

export interface Column {
  title: string;
  /** `right` for numbers (default: left). */
  align?: 'left' | 'right';
}

/** A plain text table: two spaces between columns, no trailing spaces, a final newline. Cells are escaped, but may be coloured. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const lines = [columns.map((column) => column.title), ...rows].map((line) => line.map(printableColored));
  const widths = columns.map((_, c) => Math.max(...lines.map((line) => displayWidth(line[c] ?? ''))));
  return lines
    .map((line) => {
      const cells = columns.map((column, c) => pad(line[c] ?? '', widths[c] ?? 0, column.align ?? 'left'));
      return `${cells.join('  ').trimEnd()}\n`;
    })
    .join('');
}

function pad(cell: string, width: number, align: 'left' | 'right'): string {
  const space = ' '.repeat(width - displayWidth(cell));
  return align === 'left' ? cell + space : space + cell;
}

/** East Asian wide and full-width characters, and emoji, which take two columns each. */
const wide =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|^\p{Emoji_Presentation}/u;

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** Number of columns that `text` takes on a terminal. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const { segment } of graphemes.segment(stripVTControlCharacters(text))) {
    width += wide.test(segment) ? 2 : 1;
  }
  return width;
}
