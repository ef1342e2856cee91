import type { Progress, RunResult } from '../../pipeline/run-pipeline.ts';
import type { Stall } from '../../pipeline/stall.ts';
import { byAmount } from '../../report/totals.ts';
import { duration } from './progress-bar.ts';
import { table } from './table.ts';
import { printable } from './text.ts';

/** The text at the end of a run: the totals, and the failures by code. */
export function runReport(result: RunResult, seconds: number): string {
  const { seen, succeeded, failed, skipped } = result;
  const done = succeeded + failed;
  const rate = done > 0 && seconds > 0 ? `, ${(done / seconds).toFixed(1)} pictures/s` : '';
  const right = { align: 'right' } as const;
  const totals = table(
    [
      { title: 'seen', ...right },
      { title: 'succeeded', ...right },
      { title: 'failed', ...right },
      { title: 'skipped', ...right },
      { title: 'time', ...right },
    ],
    [[seen, succeeded, failed, skipped, `${duration(seconds)}${rate}`].map(String)],
  );
  return withFailures(totals, result.failures);
}

/** `totals`, and below them how many pictures failed with each code, if any did. */
export function withFailures(totals: string, failures: Readonly<Record<string, number>>): string {
  const codes = byAmount(Object.entries(failures));
  if (codes.length === 0) return totals;
  const failedWith = table(
    [{ title: 'failed with' }, { title: 'pictures', align: 'right' }],
    codes.map(([code, pictures]) => [code, String(pictures)]),
  );
  return `${totals}\n${failedWith}`;
}

/** How many pictures have no outcome, why, and what to do; undefined when every picture has one. */
export function unfinishedText(unfinished: RunResult['unfinished']): string | undefined {
  const reasons = byAmount(Object.entries(unfinished));
  if (reasons.length === 0) return undefined;
  const pictures = reasons.reduce((sum, [, n]) => sum + n, 0);
  const why = reasons.map(([reason, n]) => `${printable(reason)}: ${n}`).join(', ');
  return `${pictures} of the failed pictures have no outcome: reading the picture, or storing or publishing the outcome, failed (${why}). Fix that and run again: only missing outcomes are made.`;
}

/** The text for a stall: how long, and which pictures it waits for. */
export function stallText({ stalledMs, waitingFor }: Stall): string {
  const waits = waitingFor.map(
    ({ stage, pictures, oldest, waitedMs }) =>
      `${stage} (${pictures} ${pictures === 1 ? 'picture' : 'pictures'}, ${printable(oldest)} for ${duration(waitedMs / 1000)})`,
  );
  return `nothing has finished for ${duration(stalledMs / 1000)}; waiting for ${waits.join(', ')}`;
}

/** The note at the end of a run's progress bar. */
export function runNote({ failed, skipped }: Progress): string | undefined {
  const parts = [failed > 0 ? `${failed} failed` : '', skipped > 0 ? `${skipped} skipped` : ''].filter(Boolean);
  return parts.length === 0 ? undefined : parts.join(', ');
}
