import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { golden } from '../../support/golden.ts';
import { bombs } from './bombs.ts';

/** Most memory that an import may take beside the weights (MB). A child that imports a small model takes about 110. */
const maxMegabytes = 500;

/** A child that takes longer is killed, and the test fails (milliseconds). */
const timeout = 120_000;

/** Files that are read beside the weights, which are then sound. */
const besideWeights = ['config.json', 'preprocessor_config.json', 'kmeans_centers.npy'];

describe('a file that unfolds to much is imported or refused in one line, in bounded memory:', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'bombs-'));
  });
  afterAll(() => rm(directory, { recursive: true }));

  it.each(bombs.map((bomb) => [bomb.name, bomb] as const))('%s', async (name, { file, bytes, beside = {} }) => {
    const root = join(directory, crypto.randomUUID());
    const source = join(root, 'source');
    await mkdir(source, { recursive: true });
    await copyFile(golden('oa16', 'config.json'), join(source, 'config.json'));
    if (besideWeights.includes(file)) {
      await copyFile(golden('oa16', 'model.safetensors'), join(source, 'model.safetensors'));
    }
    for (const [other, contents] of Object.entries({ ...beside, [file]: bytes() })) {
      await writeFile(join(source, other), contents);
    }
    const child = join(import.meta.dirname, 'bomb-child.ts');
    const { stdout } = await promisify(execFile)(process.execPath, [child, source, join(root, 'out')], { timeout });
    const { message, megabytes, seconds } = JSON.parse(stdout);
    process.stdout.write(`${name}: ${Math.round(megabytes)} MB, ${seconds.toFixed(1)} s: ${message.slice(0, 150)}\n`);

    expect(message).not.toMatch(/[\n\r]/);
    expect(megabytes).toBeLessThan(maxMegabytes);
    expect(await readdir(root)).toEqual(message === 'imported' ? ['out', 'source'] : ['source']);
    await rm(root, { recursive: true });
  });
});
