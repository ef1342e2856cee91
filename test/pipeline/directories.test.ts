import { mkdir, mkdtemp, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { PipelineEvent } from '../../lib/contracts/event.ts';
import { openInputDirectory } from '../../lib/local/input-directory.ts';
import { createMemoryQueue } from '../../lib/local/memory-queue.ts';
import { openOutputDirectory } from '../../lib/local/output-directory.ts';
import { systemClock as clock } from '../../lib/local/system-clock.ts';
import { type RunResult, runPipeline } from '../../lib/pipeline/run-pipeline.ts';
import type { PictureDecoder } from '../../lib/ports/picture-decoder.ts';
import { createFakeDecoder, createFakeModel, fakePreprocessing } from '../support/fake-model.ts';

let root: string;
let published: PipelineEvent[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'igpt-run-'));
  await mkdir(join(root, 'in'));
  published = [];
});

afterEach(() => rm(root, { recursive: true, force: true }));

async function run(decoder: PictureDecoder = createFakeDecoder()): Promise<RunResult> {
  return runPipeline({
    input: await openInputDirectory(join(root, 'in')),
    output: await openOutputDirectory(join(root, 'out')),
    uploads: createMemoryQueue({ clock, capacity: 16 }),
    tokens: createMemoryQueue({ clock, capacity: 4 }),
    events: { publish: async (events) => void published.push(...events) },
    decoder,
    model: createFakeModel(),
    preprocessing: fakePreprocessing,
    clock,
  });
}

async function write(path: string, text = 'good'): Promise<void> {
  await mkdir(join(root, 'in', path, '..'), { recursive: true });
  await writeFile(join(root, 'in', path), text);
}

async function status(path: string): Promise<unknown> {
  return JSON.parse(await readFile(join(root, 'out/results/fake-1', `${path}.json`), 'utf8')).status;
}

describe('a run over directories', () => {
  test('stores each outcome under the path of its picture, for names of every kind', async () => {
    const names = [
      'a',
      'a!',
      'a.b',
      'a.d/b',
      'a.json',
      'b.json.d/c',
      'Été 猫/IMG 1.JPG',
      '🐈.png',
      'x'.repeat(255),
      'a'.repeat(240),
    ];
    for (const name of names) await write(name);
    expect(await run()).toMatchObject({ seen: names.length, succeeded: names.length });
    for (const name of ['a', 'a!', 'a.d/b', 'a.json', 'Été 猫/IMG 1.JPG', '🐈.png'])
      expect(await status(name)).toBe('succeeded');
    expect(await run()).toMatchObject({ seen: names.length, succeeded: 0, skipped: names.length });
  });

  test('stores outcomes of paths that are too long for a result key, and finds them again', async () => {
    const long = `${Array.from({ length: 5 }, () => 'y'.repeat(200)).join('/')}/picture.jpg`;
    await write(long);
    expect(await run()).toMatchObject({ seen: 1, succeeded: 1 });
    expect(published[0]).toMatchObject({
      key: long,
      result_key: expect.stringMatching(/^results-long\/fake-1\/[0-9a-f]{64}\.json$/),
    });
    expect(await run()).toMatchObject({ seen: 1, skipped: 1 });
  });

  test('processes changed pictures again, also if the new file is older than the one that it replaces', async () => {
    await write('changed.jpg');
    await write('replaced.jpg');
    await write('same.jpg');
    await run();
    await write('changed.jpg', 'bad');
    await write('../older.jpg', 'bad');
    const old = new Date('2001-01-01T00:00:00Z');
    await utimes(join(root, 'older.jpg'), old, old);
    await rename(join(root, 'older.jpg'), join(root, 'in/replaced.jpg'));
    expect(await run()).toMatchObject({ seen: 3, failed: 2, skipped: 1 });
    expect([await status('changed.jpg'), await status('replaced.jpg')]).toEqual(['failed', 'failed']);
  });

  test('stores the outcome of the new version when a picture is replaced while it is processed', async () => {
    await write('a.jpg');
    const { decode } = createFakeDecoder();
    let replaced = false;
    const result = await run({
      async decode(bytes) {
        if (!replaced) await write('a.jpg', 'bad');
        replaced = true;
        return decode(bytes);
      },
    });
    expect(result).toMatchObject({ seen: 1, failed: 1 });
    expect(await run()).toMatchObject({ seen: 1, skipped: 1 });
  });
});
