import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { temporaryFolder as temporaries } from '../../lib/local/temporary-files.ts';
import { type Finished, finished, igpt, startIgpt } from '../cli/igpt-process.ts';
import { motoMissing } from '../support/moto.ts';
import { descendants } from '../support/process-tree.ts';
import { type Attack, type Played, pick, type Random } from './attack.ts';
import { type KilledCommand, killedCommands } from './kill-commands.ts';
import { type Deployed, openDeployed } from './kill-deployed.ts';

/** Exit codes by signal. Null: the process did not listen to signals yet, or cannot. */
const exitCodes: Readonly<Record<'SIGKILL' | 'SIGTERM' | 'SIGINT', readonly (number | null)[]>> = {
  SIGKILL: [null],
  SIGTERM: [null, 143],
  SIGINT: [null, 130],
};

/** A command that nothing killed. */
interface Whole extends KilledCommand {
  seconds: number;
  expected: Record<string, string>;
  names: readonly string[];
}

/**
 * Commands and deployed processes that are killed at seeded moments and started again. Invariants:
 *
 * - In the end, the output is the same, bit for bit, as that of a command that nothing killed.
 * - What was finished before the kill stays as it was.
 * - A signal that can be caught gives its exit code. The second run ends with 0.
 * - No file and no process is left.
 * - The deployed processes lose no picture and store no wrong outcome.
 */
export async function openKills(): Promise<Attack> {
  const root = await mkdtemp(join(tmpdir(), 'attack-kills-'));
  const commands: Whole[] = [];
  for (const command of await killedCommands(root)) commands.push(await runWhole(command, root));
  const missing = await motoMissing();
  let deployed: Promise<Deployed> | undefined;
  const victims = commands.length + (missing === undefined ? 1 : 0);

  async function play(number: number, random: Random): Promise<Played> {
    const command = commands[number % victims];
    if (command !== undefined) return killCommand(command, root, number, random);
    deployed ??= openDeployed();
    return { outcome: 'deployed', wrong: await (await deployed).kill(number, random), files: {} };
  }

  return {
    unit: 'kills',
    note: missing === undefined ? undefined : `without the deployed processes: ${missing}`,
    play,
    finish: async () => [
      ...((await (await deployed)?.settle()) ?? []),
      ...(await readdir(root)).filter((name) => name.startsWith('.')).map((name) => `${name} is left in ${root}`),
    ],
    async [Symbol.asyncDispose]() {
      await (await deployed)?.[Symbol.asyncDispose]();
      await rm(root, { recursive: true });
    },
  };
}

async function runWhole(command: KilledCommand, root: string): Promise<Whole> {
  const out = `whole-${command.name.replace(' ', '-')}`;
  const began = Date.now();
  const { code, stderr } = await igpt(command.args(out), { cwd: root });
  if (code !== 0) throw new Error(`Expected ${command.name} to end with 0, received ${code}: ${stderr}`);
  const seconds = (Date.now() - began) / 1000;
  const place = join(root, out);
  return { ...command, seconds, expected: await command.contents(place), names: await namesIn(place) };
}

async function killCommand(command: Whole, root: string, number: number, random: Random): Promise<Played> {
  const { name, args, contents, kept, isShared = false, seconds, expected, names } = command;
  const out = `out-${number}`;
  const place = join(root, out);
  const signal = pick(random, ['SIGKILL', 'SIGKILL', 'SIGTERM', 'SIGINT'] as const);
  const moment = random() * seconds * 1100;
  const child = startIgpt(args(out), { cwd: root });
  const beside = isShared && random() < 0.5 ? igpt(args(out), { cwd: root }) : undefined;
  const end = finished(child);
  await pause(moment);
  const processes = await commandLines(await descendants(child.pid ?? 0));
  child.kill(signal);
  const first = await end;
  await beside;
  const before = kept !== undefined && existsSync(join(place, 'results')) ? await kept(place) : {};
  const again = await igpt(args(out), { cwd: root });

  const wrong: string[] = [];
  if (first.code !== 0 && !exitCodes[signal].includes(first.code)) wrong.push(`it ended with ${describe(first)}`);
  if (again.code !== 0) wrong.push(`the second run ended with ${describe(again)}`);
  else {
    const found = await contents(place);
    const all = new Set([...Object.keys(expected), ...Object.keys(found)]);
    for (const key of all) if (found[key] !== expected[key]) wrong.push(`${key} is not as without a kill`);
    const after = (await kept?.(place)) ?? {};
    for (const key of Object.keys(before)) if (after[key] !== before[key]) wrong.push(`${key} was made twice`);
    const left = await namesIn(place);
    if (!isDeepStrictEqual(left, names))
      wrong.push(
        `it holds ${left.filter((one) => !names.includes(one)).join()}, and lacks ${names.filter((one) => !left.includes(one)).join()}`,
      );
  }
  const alive = await commandLines([...processes.keys()]);
  for (const [pid, line] of alive) if (processes.get(pid) === line) wrong.push(`process ${pid} is left: ${line}`);
  if (wrong.length === 0) await rm(place, { recursive: true, force: true });
  return {
    outcome: `${name} ${signal}`,
    wrong: wrong.map((sentence) => `${name}, ${signal} after ${Math.round(moment)} ms: ${sentence}`),
    files: { 'first.txt': first.stderr, 'second.txt': again.stderr },
  };
}

/** Names of the files in an output, but for the folder of temporary files, which may be there or not. */
async function namesIn(place: string): Promise<string[]> {
  return (await readdir(place, { recursive: true })).filter((name) => name !== temporaries).toSorted();
}

/** Command lines by process; those that have ended have none. */
async function commandLines(pids: readonly number[]): Promise<Map<number, string>> {
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return new Map(pids.map((pid, i) => [pid, lines[i] ?? ''] as const).filter(([, line]) => line !== ''));
}

function describe({ code, signal, stderr }: Finished): string {
  return `${code ?? signal}: ${stderr.trim().split('\n').at(-1)}`;
}
