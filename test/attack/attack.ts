import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pMap from 'p-map';
import { seededRandom } from '../support/seeded-random.ts';

/** Numbers in [0, 1). */
export type Random = () => number;

/** What came of one case. */
export interface Played {
  /** A few words for the tally: `read`, `corrupt_image` … */
  outcome: string;
  /** Violated invariants, each a sentence. */
  wrong: readonly string[];
  /** What shows the case again; kept if something is wrong. */
  files: Readonly<Record<string, Uint8Array | string>>;
}

/** Cases with invariants. A case depends on the seed and on its own number only, so that it can be played alone. */
export interface Attack extends AsyncDisposable {
  /** What is counted: `pictures`, `kills` … */
  unit: string;
  /** What is left out on this machine, and why. */
  note?: string | undefined;
  /** Cases that are played at once (default 1). */
  concurrency?: number | undefined;
  play(number: number, random: Random): Promise<Played>;
  /** What is wrong after the last case: processes or files that were left. */
  finish?(): Promise<readonly string[]>;
}

export interface AttackOptions {
  /** Cases 0 to `count` - 1 are played. */
  count: number;
  seed: number;
  /** Plays this case alone. */
  only?: number | undefined;
  /** Folder for the files of violations; each gets a folder of its own. */
  keep: string;
  /** Receives progress and violations, line by line. */
  say: (line: string) => void;
}

export interface AttackResult {
  played: number;
  /** How often each outcome occurred. */
  tally: Readonly<Record<string, number>>;
  violations: number;
}

/** Progress is told this often (milliseconds). */
const progressMs = 10_000;

/** Plays the cases of an attack and closes it. */
export async function runAttack(attack: Attack, options: AttackOptions): Promise<AttackResult> {
  const { count, seed, only, keep, say } = options;
  const tally: Record<string, number> = {};
  let played = 0;
  let violations = 0;
  let told = Date.now();
  if (attack.note !== undefined) say(attack.note);

  async function playCase(number: number): Promise<void> {
    const { outcome, wrong, files } = await attack.play(number, caseRandom(seed, number));
    played += 1;
    tally[outcome] = (tally[outcome] ?? 0) + 1;
    if (wrong.length > 0) {
      violations += 1;
      const folder = join(keep, `${attack.unit.replaceAll(' ', '-')}-seed-${seed}-case-${number}`);
      await keepFiles(folder, files);
      for (const sentence of wrong) say(`VIOLATION seed ${seed}, case ${number}: ${sentence}`);
      say(`  kept in ${folder}; play it alone with --seed ${seed} --only ${number}`);
    }
    if (Date.now() - told >= progressMs) {
      told = Date.now();
      say(`${played} of ${only === undefined ? count : 1} ${attack.unit}, ${violations} violations`);
    }
  }

  try {
    const numbers = only === undefined ? Array.from({ length: count }, (_, number) => number) : [only];
    await pMap(numbers, playCase, { concurrency: attack.concurrency ?? 1 });
    for (const sentence of (await attack.finish?.()) ?? []) {
      violations += 1;
      say(`VIOLATION seed ${seed}, after the last case: ${sentence}`);
    }
  } finally {
    await attack[Symbol.asyncDispose]();
  }
  return { played, tally, violations };
}

/** The summary of an attack: how often each outcome occurred, then the counts. */
export function summaryLines({ unit }: Pick<Attack, 'unit'>, { played, tally, violations }: AttackResult): string[] {
  const outcomes = Object.entries(tally).toSorted(([, a], [, b]) => b - a);
  return [
    outcomes.map(([outcome, times]) => `${times} ${outcome}`).join(', '),
    `${played} ${unit}, ${violations} violations`,
  ];
}

/** Random numbers of a case. The factor spreads neighbouring seeds, so that their cases differ. */
function caseRandom(seed: number, number: number): Random {
  return seededRandom(Math.imul(seed + 1, 0x9e3779b1) + number);
}

/** One of `items`. */
export function pick<T>(random: Random, items: readonly T[]): T {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new RangeError('expected something to pick from, received nothing');
  return item;
}

async function keepFiles(folder: string, files: Played['files']): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const [name, contents] of Object.entries(files)) await writeFile(join(folder, name), contents);
}
