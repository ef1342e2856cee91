import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { type FaultKind, noFaults } from './fault-kinds.ts';

const run = promisify(execFile);

/** How many schedules are played; SEEDS=1000000 plays more. */
const { SEEDS: seeds = '100000' } = process.env;

const processes = 2;

interface Report {
  hours: number;
  wrong: unknown[];
  faults: Record<FaultKind, number>;
}

async function play(first: number, last: number): Promise<Report> {
  const script = join(import.meta.dirname, './play.ts');
  // It exits with 1 if something is wrong. Its standard output says what.
  const said = await run(process.execPath, [script, String(first), String(last)]).catch((error) => error);
  return JSON.parse(said.stdout);
}

test(`under ${seeds} schedules of random faults nothing is lost, wrong or stuck`, async () => {
  const share = Math.ceil(Number(seeds) / processes);
  const reports = await Promise.all(
    Array.from({ length: processes }, (_, i) => play(i * share + 1, Math.min((i + 1) * share, Number(seeds)))),
  );
  expect(reports.flatMap(({ wrong }) => wrong)).toEqual([]);
  const faults = noFaults();
  for (const report of reports) {
    for (const [kind, times] of Object.entries(report.faults)) faults[kind as FaultKind] += times;
  }
  const hours = reports.reduce((sum, report) => sum + report.hours, 0);
  const counts = Object.entries(faults).map(([kind, times]) => `${kind} ${times}`);
  process.stdout.write(`${seeds} schedules, ${hours} hours of their time, 0 wrong; ${counts.join(', ')}\n`);
});
