import { setTimeout as pause } from 'node:timers/promises';

/** One of the things compared. */
export interface Side {
  /** Runs once; seconds. */
  run(): Promise<number>;
}

/** Lets the other side's threads stop spinning before this one starts, ms. */
const SETTLE = 100;

/** Runs every side once to warm it up, then `rounds` times in turns (A B A B …), never two at once; seconds by side. */
export async function interleave<Name extends string>(
  sides: Readonly<Record<Name, Side>>,
  rounds: number,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(sides) as Name[];
  const seconds = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = -1; round < rounds; round += 1) {
    for (const name of names) {
      await pause(SETTLE);
      const taken = await sides[name].run();
      if (round >= 0) seconds[name].push(taken);
    }
  }
  return seconds;
}

export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('Expected at least one value, received none');
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Median of the ratios of neighbouring runs: a slow minute of the machine hits both sides of a pair alike. */
export function medianRatio(above: readonly number[], below: readonly number[]): number {
  if (above.length !== below.length) {
    throw new RangeError(`Expected as many runs on both sides, received ${above.length} and ${below.length}`);
  }
  return median(above.map((value, i) => value / (below[i] ?? Number.NaN)));
}

/** Seconds that `work` takes. */
export async function timed(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}
