import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { nameBeside, removeLeftovers } from '../../../lib/files/leftovers.ts';

const leftovers = join(import.meta.dirname, '../../../lib/files/leftovers.ts');

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'leftovers-'));
  path = join(folder, 'model');
});
afterEach(() => rm(folder, { recursive: true }));

/** Lets another process create a directory with a file beside `path`, and kills the process. */
async function killedWhileMaking(kind: 'tmp' | 'old'): Promise<void> {
  const child = spawn(process.execPath, [
    '--input-type=module',
    '--eval',
    `import { mkdirSync, writeFileSync } from 'node:fs';
     import { nameBeside } from ${JSON.stringify(leftovers)};
     const made = nameBeside(${JSON.stringify(path)}, '${kind}');
     mkdirSync(made);
     writeFileSync(made + '/weights', '${kind}');
     console.log('made');
     setInterval(() => {}, 1000);`,
  ]);
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
}

describe('a leftover of a killed process', () => {
  test('is removed', async () => {
    await killedWhileMaking('tmp');
    expect(await readdir(folder)).toHaveLength(1);
    await removeLeftovers(path);
    expect(await readdir(folder)).toEqual([]);
  });

  test('is restored if it is the replaced version and there is no new version', async () => {
    await killedWhileMaking('old');
    await killedWhileMaking('tmp');
    await removeLeftovers(path);
    expect(await readdir(folder)).toEqual(['model']);
    expect(await readFile(join(path, 'weights'), 'utf8')).toBe('old');
  });

  test('is removed if it is the replaced version and there is a new version', async () => {
    await mkdir(path);
    await writeFile(join(path, 'weights'), 'new');
    await killedWhileMaking('old');
    await removeLeftovers(path);
    expect(await readdir(folder)).toEqual(['model']);
    expect(await readFile(join(path, 'weights'), 'utf8')).toBe('new');
  });
});

test('files of live processes, of other machines and of other directories stay', async () => {
  const live = nameBeside(path, 'tmp');
  const ended = `${hostname().replace(/[^A-Za-z0-9]/g, '_')}-999999999-0a1b2c3d`; // Linux has no such process id
  const names = [
    `.model.elsewhere-7-0a1b2c3d-1.tmp`,
    `.model.b.${ended}-1.tmp`,
    `.mode.${ended}-1.tmp`,
    `model.${ended}-1.tmp`,
    `.model.${ended}-1.txt`,
  ];
  for (const name of [live, ...names.map((name) => join(folder, name))]) await mkdir(name);
  await mkdir(join(folder, `.model.${ended}-2.tmp`));
  await removeLeftovers(path);

  expect((await readdir(folder)).sort()).toEqual([live.slice(folder.length + 1), ...names].sort());
});

test('a name of the maximum length can have a temporary file beside it', async () => {
  const beside = nameBeside(join(folder, 'ü'.repeat(127)), 'tmp'); // of 255 bytes
  await mkdir(beside);
  expect(Buffer.byteLength(beside.slice(folder.length + 1))).toBeLessThan(200);
});
