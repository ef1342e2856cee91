import { type FaultKind, noFaults } from './fault-kinds.ts';
import { playSchedule } from './play-schedule.ts';

// Plays fault schedules over the deployed flows. `npm run simulate -- 17` plays one and prints it step by step.
// `npm run simulate -- 1 100000` plays many and prints one line of JSON: how often each fault occurred, what was wrong.
// `npm run simulate -- arrivals` plays uploads of 100 to 10,000 a second over the scaling, within AWS's quotas.

// Stack traces of a million injected errors cost time, and nothing reads them.
Error.stackTraceLimit = 0;

const words = process.argv.slice(2);
const [first = Number.NaN, last, ...rest] = words.map(Number);
const isSeed = (seed: number): boolean => Number.isInteger(seed) && seed >= 0;
if (words.join(' ') === 'arrivals') {
  // Loads the CDK, which takes seconds.
  const { arrivalsTable } = await import('../cdk/play-arrivals.ts');
  process.stdout.write(arrivalsTable(1));
} else if (!isSeed(first) || !isSeed(last ?? first) || (last ?? first) < first || rest.length > 0) {
  process.stderr.write(
    'expected a seed, the first and the last of several, or arrivals: npm run simulate -- FIRST [LAST]\n',
  );
  process.exitCode = 2;
} else if (last === undefined) {
  const { wrong } = await playSchedule(first, (line) => process.stdout.write(`${line}\n`));
  process.stdout.write(`seed ${first}: ${wrong.length === 0 ? 'nothing wrong' : wrong.join('\n')}\n`);
  process.exitCode = wrong.length === 0 ? 0 : 1;
} else {
  const faults = noFaults();
  const failed: { seed: number; wrong: string[] }[] = [];
  let hours = 0;
  for (let seed = first; seed <= last; seed++) {
    const played = await playSchedule(seed);
    for (const kind of Object.keys(faults) as FaultKind[]) faults[kind] += played.faults[kind];
    hours += played.elapsedMs / 3_600_000;
    if (played.wrong.length > 0) {
      failed.push({ seed, wrong: played.wrong });
      process.stderr.write(`seed ${seed}: ${played.wrong.join('; ')}\n`);
    }
    if (seed % 10_000 === 0)
      process.stderr.write(`${new Date().toISOString()} ${seed} of ${first} to ${last}, ${failed.length} wrong\n`);
  }
  process.stdout.write(`${JSON.stringify({ first, last, hours: Math.round(hours), wrong: failed, faults })}\n`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}
