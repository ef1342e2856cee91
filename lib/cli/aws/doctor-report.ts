import type { Writable } from 'node:stream';
import { styleText } from 'node:util';
import { printable } from '../terminal/printable.ts';
import type { Check } from './doctor-checks.ts';

const marks = { ok: 'ok', warn: 'warn', fail: 'FAIL', skip: '-' } as const;
const colors = { ok: 'green', warn: 'yellow', fail: 'red', skip: 'dim' } as const;

/** One line for each check, and below it what to do; colours where `stream` shows them. */
export function doctorReport(checks: readonly Check[], stream: Writable): string {
  return checks
    .map(({ level, name, found, advice }) => {
      const mark = styleText(colors[level], marks[level].padEnd(4), { stream });
      const todo = advice === null ? '' : `      → ${printable(advice)}\n`;
      return `${mark}  ${printable(`${name}: ${found}`)}\n${todo}`;
    })
    .join('');
}
