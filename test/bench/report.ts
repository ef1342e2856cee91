import { type Column, table } from '../../lib/cli/terminal/table.ts';

export interface Target {
  /** Target of the ratio, or of our figure if there is no ratio. */
  value: number;
  /** Default: `at least`. */
  direction?: 'at least' | 'at most';
}

/** One line of the benchmark. */
export interface Row {
  suite: string;
  name: string;
  /** Unit of `ours` and `theirs`. */
  unit: string;
  ours: number;
  theirs?: number;
  /** Ours to theirs. Above 1 we are faster, unless the name says what is divided. */
  ratio?: number;
  target?: Target;
  /** What a reader needs to know about the figure. */
  note?: string;
  /** Seconds of the single runs, by side. */
  seconds?: Readonly<Record<string, readonly number[]>>;
}

/** Whether the row meets its target; undefined without a target. */
export function reached({ ours, ratio, target }: Row): boolean | undefined {
  if (target === undefined) return undefined;
  const value = ratio ?? ours;
  return target.direction === 'at most' ? value <= target.value : value >= target.value;
}

const columns: readonly Column[] = [
  { title: 'suite' },
  { title: 'what' },
  { title: 'ours', align: 'right' },
  { title: 'theirs', align: 'right' },
  { title: 'unit' },
  { title: 'ratio', align: 'right' },
  { title: 'target', align: 'right' },
  { title: 'reached' },
];

/** The table, then the notes. */
export function formatRows(rows: readonly Row[]): string {
  const notes = rows.filter(({ note }) => note !== undefined).map(({ name, note }) => `  ${name}: ${note}\n`);
  const cells = rows.map((row) => [
    row.suite,
    row.name,
    figure(row.ours),
    row.theirs === undefined ? '' : figure(row.theirs),
    row.unit,
    row.ratio === undefined ? '' : row.ratio.toFixed(2),
    row.target === undefined ? '' : `${row.target.direction === 'at most' ? '≤' : '≥'} ${row.target.value}`,
    { true: 'yes', false: 'NO', undefined: '' }[String(reached(row))] ?? '',
  ]);
  return `${table(columns, cells)}${notes.length > 0 ? `\nNotes\n${notes.join('')}` : ''}`;
}

/** Rounds to three significant digits. */
function figure(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}
