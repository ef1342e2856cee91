import { fontSize, round, svg, text, textWidth } from './svg.ts';

export interface ConfusionMatrix {
  title: string;
  /** Names of the C classes. */
  classes: readonly string[];
  /** [C, C]. Rows: true class. Columns: predicted class. */
  counts: ArrayLike<number>;
}

/** Size of a cell that has room for a number (pixels). */
const cellSize = 44;

/** Longest side of the matrix (pixels). Cells of many classes become smaller and have no numbers. */
const maxSide = 1200;

/** Cells with a larger share are dark, so that their number is white. */
const darkShare = 0.5;

/** A confusion matrix as SVG. The larger a cell's share of its row, the darker the cell. */
export function confusionMatrix({ title, classes, counts }: ConfusionMatrix): string {
  const size = classes.length;
  const cell = Math.min(cellSize, maxSide / size);
  const named = cell >= fontSize;
  const widest = named ? Math.max(...classes.map(textWidth)) + 12 : 16;
  const left = widest + 24;
  const top = 48;
  const side = size * cell;
  const bottom = top + side;
  const cells = classes.flatMap((_, row) => {
    const total = sumOfRow(counts, row, size);
    return classes.flatMap((_, column) => {
      const count = counts[row * size + column] ?? 0;
      if (count === 0) return [];
      const share = count / total;
      const [x, y] = [left + column * cell, top + row * cell];
      const rect = `<rect x="${round(x)}" y="${round(y)}" width="${round(cell)}" height="${round(cell)}" fill="${shade(share)}"/>`;
      return cell < cellSize
        ? [rect]
        : [
            rect,
            text(x + cell / 2, y + cell / 2 + 4, String(count), { color: share > darkShare ? '#ffffff' : undefined }),
          ];
    });
  });
  const names = named
    ? classes.flatMap((name, i) => [
        text(left - 8, top + (i + 0.5) * cell + 4, name, { anchor: 'end' }),
        text(left + (i + 0.5) * cell, bottom + 10, name, { anchor: 'end', turn: -60 }),
      ])
    : [];
  const width = Math.max(left + side + 24, textWidth(title) + 64);
  return svg(Math.ceil(width), Math.ceil(bottom + widest + 32), title, [
    text(16, 20, title, { anchor: 'start', weight: 'bold' }),
    text(left + side / 2, 40, 'predicted class'),
    text(14, top + side / 2, 'true class', { turn: -90 }),
    ...cells,
    `<rect x="${round(left)}" y="${top}" width="${round(side)}" height="${round(side)}" fill="none" stroke="#888888"/>`,
    ...names,
  ]);
}

function sumOfRow(counts: ArrayLike<number>, row: number, size: number): number {
  let sum = 0;
  for (let column = 0; column < size; column++) sum += counts[row * size + column] ?? 0;
  return sum;
}

/** From white to the blue of the other plots. The square root makes small shares visible, which matter most. */
function shade(share: number): string {
  const depth = Math.sqrt(share);
  const channels = [0x00, 0x72, 0xb2].map((channel) => Math.round(255 + (channel - 255) * depth));
  return `#${channels.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`;
}
