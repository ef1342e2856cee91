import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ImageGptError } from '../../lib/ports/error.ts';
import { statusBytes } from '../support/process-tree.ts';
import type { Attack, Played, Random } from './attack.ts';
import { type DamagedKind, damagedKinds } from './damaged-kinds.ts';
import { mutate, mutateJson } from './mutate.ts';

/** Most memory that reading one file may add to the peak (bytes): above V8's garbage, below a hostile length. */
const maxGrowth = 300 * 2 ** 20;

/** Processor time of one file (microseconds). */
const maxMicroseconds = 10_000_000;

/** Valid files of a kind, in a folder of their own. */
interface Prepared extends DamagedKind {
  folder: string;
  names: readonly string[];
  valid: Buffer;
  /** What {@link DamagedKind.read} gives for the valid file. */
  expected: string;
}

/**
 * Damaged model files, one kind after another. Invariants:
 *
 * - A file is read, or refused with one of our errors: a code, and a message of one line.
 * - What checksums cover is read as it was written, or refused.
 * - No file is left behind, in the source or in the place of the import.
 * - Memory and processor time are bounded.
 */
export async function openModels(): Promise<Attack> {
  const root = await mkdtemp(join(tmpdir(), 'attack-models-'));
  const kinds = await Promise.all(damagedKinds.map((kind, i) => prepare(kind, join(root, String(i)))));

  async function play(number: number, random: Random): Promise<Played> {
    const kind = kinds[number % kinds.length];
    const other = kinds[Math.floor(random() * kinds.length)];
    if (kind === undefined || other === undefined) throw new RangeError(`expected a kind for case ${number}`);
    const damaged = damage(kind, other.valid, random);
    const path = join(kind.folder, kind.damaged);
    await writeFile(path, damaged);
    const before = (await statusBytes('self', 'VmHWM')) ?? 0;
    const cpu = process.cpuUsage();
    const { outcome, wrong } = await readDamaged(kind, path);
    const { user, system } = process.cpuUsage(cpu);
    const growth = ((await statusBytes('self', 'VmHWM')) ?? 0) - before;
    await writeFile(path, kind.valid);

    if (growth > maxGrowth) wrong.push(`took ${growth} bytes of memory`);
    if (user + system > maxMicroseconds) wrong.push(`took ${(user + system) / 1e6} s of processor time`);
    const left = [
      ...(await readdir(kind.folder))
        .filter((name) => !kind.names.includes(name))
        .map((name) => join(kind.folder, name)),
      ...(await readdir(root)).filter((name) => !/^\d+$/.test(name)).map((name) => join(root, name)),
    ];
    for (const leftover of left) {
      wrong.push(`left ${leftover}`);
      await rm(leftover, { recursive: true });
    }
    return { outcome, wrong: wrong.map((sentence) => `${kind.name}: ${sentence}`), files: { [kind.damaged]: damaged } };
  }

  return {
    unit: 'model files',
    play,
    [Symbol.asyncDispose]: () => rm(root, { recursive: true }),
  };
}

async function prepare(kind: DamagedKind, folder: string): Promise<Prepared> {
  await mkdir(folder);
  await kind.write(folder);
  const path = join(folder, kind.damaged);
  return {
    ...kind,
    folder,
    names: await readdir(folder),
    valid: await readFile(path),
    expected: await kind.read(path),
  };
}

/** Half of the damaged JSON files are still JSON. */
function damage({ damaged, valid, repair }: Prepared, other: Buffer, random: Random): Buffer {
  if (damaged.endsWith('.json') && random() < 0.5) return Buffer.from(mutateJson(valid.toString(), random));
  const bytes = mutate(valid, other, random);
  return repair?.(bytes, valid) ?? bytes;
}

async function readDamaged(
  { read, checked, expected }: Prepared,
  path: string,
): Promise<{ outcome: string; wrong: string[] }> {
  try {
    const found = await read(path);
    const same = found === expected;
    return { outcome: 'read', wrong: checked && !same ? ['read other values than were written'] : [] };
  } catch (error) {
    if (!(error instanceof ImageGptError)) {
      const stack = error instanceof Error ? error.stack : String(error);
      return { outcome: 'another error', wrong: [`not refused by an error of ours: ${stack}`] };
    }
    const wrong = /[\n\r]/.test(error.message) ? [`the message has several lines: ${error.message}`] : [];
    return { outcome: error.code, wrong };
  }
}
