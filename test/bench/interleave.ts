import { setTimeout as pause } from 'node:timers/promises';

/** One of the sides that are compared. */
export interface Side {
  /** Does the work once; resolves with the seconds that it took. */
  run(): Promise<number>;
  /** Pictures, tokens or operations in a run. */
  items: number;
  /** Seconds of each measured run, in order. */
  readonly seconds: number[];
}

/** @param run does the work once; resolves with the seconds that it took */
export function side(items: number, run: () => Promise<number>): Side {
  return { run, items, seconds: [] };
}

/** Pause before each run, in which the threads of the other side stop spinning (milliseconds). */
const defaultPauseMs = 100;

/** Runs every side once to warm it up, then `rounds` times in turns (A B A B …), one at a time. */
export async function interleave(
  sides: readonly (Side | undefined)[],
  rounds: number,
  { warmUp = true, pauseMs = defaultPauseMs }: { warmUp?: boolean; pauseMs?: number } = {},
): Promise<void> {
  for (let round = warmUp ? -1 : 0; round < rounds; round += 1) {
    for (const one of sides) {
      if (one === undefined) continue;
      await pause(pauseMs);
      const seconds = await one.run();
      if (round >= 0) one.seconds.push(seconds);
    }
  }
}

export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('Expected at least one value, received none');
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Median seconds for one item. */
export function secondsPerItem({ seconds, items }: Side): number {
  return median(seconds) / items;
}

/**
 * How many times as fast as `theirs` `ours` is: the median over pairs of neighbouring runs, because a slow minute of
 * the machine slows both runs of a pair.
 */
export function speedRatio(ours: Side, theirs: Side): number {
  if (ours.seconds.length !== theirs.seconds.length) {
    throw new RangeError(
      `Expected equally many runs of both sides, received ${ours.seconds.length} and ${theirs.seconds.length}`,
    );
  }
  const ratios = ours.seconds.map((seconds, i) => (theirs.seconds[i] ?? Number.NaN) / seconds);
  return (median(ratios) * ours.items) / theirs.items;
}

/** Seconds that `work` takes. */
export async function timed(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}
