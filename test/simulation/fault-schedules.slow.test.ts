import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { type FaultKind, noFaults } from './fault-kinds.ts';

const run = promisify(execFile);

/** Number of schedules; `SEEDS=1000000` plays more (default 100000). */
const { SEEDS: seeds = '100000' } = process.env;

const processes = 2;

interface SimulationReport {
  hours: number;
  wrong: unknown[];
  faults: Record<FaultKind, number>;
}

async function play(first: number, last: number): Promise<SimulationReport> {
  const script = join(import.meta.dirname, './play.ts');
  // Exit code 1 means that something is wrong; standard output says what.
  const ended = await run(process.execPath, [script, String(first), String(last)]).catch((error) => error);
  return JSON.parse(ended.stdout);
}

test(`${seeds} schedules of random faults leave no picture lost, wrong or stuck`, async () => {
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
  process.stdout.write(`${seeds} schedules, ${hours} simulated hours, 0 wrong; ${counts.join(', ')}\n`);
});
