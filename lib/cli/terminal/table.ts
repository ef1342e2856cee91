import { stripVTControlCharacters } from 'node:util';
import { printable, red } from './text.ts';

export interface Column {
  title: string;
  /** `right` for numbers (default: left). */
  align?: 'left' | 'right';
}

/** Text, or text in red where standard output is a terminal with colours. */
export type Cell = string | { red: string };

/** A plain text table: two spaces between columns, no trailing spaces, a final newline. Cells are escaped. */
export function table(columns: readonly Column[], rows: readonly (readonly Cell[])[]): string {
  const lines = [columns.map((column) => column.title), ...rows].map((line) => line.map(shown));
  const widths = columns.map((_, c) => Math.max(...lines.map((line) => displayWidth(line[c] ?? ''))));
  return lines
    .map((line) => {
      const cells = columns.map((column, c) => pad(line[c] ?? '', widths[c] ?? 0, column.align ?? 'left'));
      return `${cells.join('  ').trimEnd()}\n`;
    })
    .join('');
}

function shown(cell: Cell): string {
  return typeof cell === 'string' ? printable(cell) : red(printable(cell.red), process.stdout);
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
