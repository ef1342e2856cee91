import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { readProbe } from '../../../lib/checkpoint/probe.ts';
import { createModelFiles, type ModelFiles } from '../../../lib/training/model-files.ts';
import { newTraining, type TrainState } from '../../../lib/training/train.ts';
import {
  createCheckpointStore,
  openTrainingDirectory,
  restoreTraining,
} from '../../../lib/training/training-directory.ts';
import { type TinyCheckpoint, tinyCheckpoint } from '../../support/tiny-checkpoint.ts';

const settings = { '--batch': 8, '--clip': null };
const start = { force: false, resume: false };
const at = (step: number, more: Partial<TrainState> = {}): TrainState => ({
  ...newTraining,
  step,
  losses: [2 / 3, 0.1],
  ...more,
});

describe('a training directory', () => {
  let folder = '';
  let model: TinyCheckpoint;
  const out = () => join(folder, 'out');
  const checkpoint = (step: number, ...names: string[]) =>
    join(out(), 'training', `step-${String(step).padStart(8, '0')}`, ...names);

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'igpt-training-'));
    model = await tinyCheckpoint();
  });

  afterEach(async () => {
    rmSync(folder, { recursive: true, force: true });
    await model[Symbol.asyncDispose]();
  });

  function live() {
    const parameters = model.tensors.map(({ name, shape, data }) => ({ name, shape, data: Float32Array.from(data) }));
    const moments = new Map(
      parameters.map(({ name, data }) => [name, { first: data.map((x) => x / 2), second: data.map((x) => x * x) }]),
    );
    return { parameters, moments };
  }

  async function storeOf(memory = live(), files?: ModelFiles) {
    const directory = await openTrainingDirectory(out(), settings, start);
    const modelFiles = files ?? (await createModelFiles(model, memory.parameters, { objective: 'ar' }));
    return { directory, store: createCheckpointStore(out(), directory, memory, modelFiles, 3) };
  }

  test('restores weights, moments and state exactly, and holds a model that opens', async () => {
    const memory = live();
    const state = at(7, { best: { step: 6, validation: { loss: 1 / 3, accuracy: 0.1 } }, sinceBest: 1 });
    const { directory, store } = await storeOf(memory);
    await store.save(state);
    await directory[Symbol.asyncDispose]();

    const again = await openTrainingDirectory(out(), settings, { force: false, resume: true });
    expect(again.start?.state).toEqual(state);
    const empty = live();
    for (const { data } of empty.parameters) data.fill(0);
    for (const { first, second } of empty.moments.values()) {
      first.fill(0);
      second.fill(0);
    }
    await restoreTraining(again, empty, undefined);
    expect(empty).toEqual(memory);
    expect((await openCheckpoint(checkpoint(7))).labels).toHaveLength(3);
    await again[Symbol.asyncDispose]();
  });

  test('keeps the last two checkpoints', async () => {
    const { directory, store } = await storeOf();
    for (const step of [5, 10, 15]) await store.save(at(step));
    await directory[Symbol.asyncDispose]();
    expect(readdirSync(join(out(), 'training')).sort()).toEqual(['settings.json', 'step-00000010', 'step-00000015']);
  });

  test.each<[string, (folder: string) => void]>([
    ['truncated weights', (dir) => truncateSync(join(dir, 'model.safetensors'), 1000)],
    ['moments with one changed byte', (dir) => flip(join(dir, 'trainer-state.safetensors'))],
    ['no state', (dir) => rmSync(join(dir, 'trainer-state.json'))],
    ['a truncated state', (dir) => truncateSync(join(dir, 'trainer-state.json'), 20)],
    ['no weights', (dir) => rmSync(join(dir, 'model.safetensors'))],
  ])('passes over a checkpoint with %s, and takes the one before', async (_, damage) => {
    const { directory, store } = await storeOf();
    await store.save(at(5));
    await store.save(at(10));
    await directory[Symbol.asyncDispose]();
    damage(checkpoint(10));

    await using again = await openTrainingDirectory(out(), settings, start);
    expect(again).toMatchObject({ start: { state: { step: 5 } }, damaged: [10] });
    expect(existsSync(checkpoint(10))).toBe(false);
  });

  test('is refused when all checkpoints are damaged', async () => {
    const { directory, store } = await storeOf();
    await store.save(at(5));
    await directory[Symbol.asyncDispose]();
    rmSync(checkpoint(5, 'model.safetensors'));
    await expect(openTrainingDirectory(out(), settings, start)).rejects.toMatchObject({ code: 'run_missing' });
    await using anew = await openTrainingDirectory(out(), settings, { force: true, resume: false });
    expect(anew.start).toBeUndefined();
  });

  test('removes partial files of a killed process, and its lock', async () => {
    mkdirSync(join(out(), 'training', 'step-00000009.tmp'), { recursive: true });
    writeFileSync(join(out(), 'training', 'step-00000009.tmp', 'model.safetensors'), 'half');
    writeFileSync(join(out(), 'training', 'settings.json'), JSON.stringify(settings));
    writeFileSync(join(out(), '.model.safetensors.1-2.tmp'), 'half');
    // No process has a number above the kernel's highest.
    writeFileSync(join(out(), 'training', 'lock'), String(2 ** 30));
    const directory = await openTrainingDirectory(out(), settings, start);
    expect(readdirSync(out())).toEqual(['training']);
    await directory[Symbol.asyncDispose]();
    expect(readdirSync(join(out(), 'training'))).toEqual(['settings.json']);
  });

  test('is locked for one process', async () => {
    mkdirSync(join(out(), 'training'), { recursive: true });
    writeFileSync(join(out(), 'training', 'lock'), String(process.ppid));
    await expect(openTrainingDirectory(out(), settings, start)).rejects.toMatchObject({
      code: 'run_busy',
      message: expect.stringContaining(`process ${process.ppid} trains in this directory`),
    });
  });

  test('ignores settings that only another version knows', async () => {
    const { directory, store } = await storeOf();
    await store.save(at(5));
    await directory[Symbol.asyncDispose]();
    const { '--batch': batch } = settings;
    await using again = await openTrainingDirectory(out(), { '--batch': batch, '--new': 1 }, start);
    expect(again.start?.state.step).toBe(5);
  });

  test('refuses other settings, foreign files, and --resume without a training', async () => {
    const { directory, store } = await storeOf();
    await store.save(at(5));
    await directory[Symbol.asyncDispose]();
    await expect(openTrainingDirectory(out(), { '--batch': 4, '--clip': 1 }, start)).rejects.toThrow(
      '(--batch was 8, now 4; --clip was not given, now 1)',
    );
    await expect(openTrainingDirectory(model.directory, settings, start)).rejects.toMatchObject({
      code: 'run_differs',
    });
    await expect(
      openTrainingDirectory(join(folder, 'new'), settings, { force: false, resume: true }),
    ).rejects.toMatchObject({
      code: 'run_missing',
    });
    writeFileSync(join(out(), 'training', 'settings.json'), '{');
    await expect(openTrainingDirectory(out(), settings, start)).rejects.toThrow(/settings\.json is damaged/);
  });

  test('accepts other settings after a training without a checkpoint', async () => {
    await (await openTrainingDirectory(out(), settings, start))[Symbol.asyncDispose]();
    await using other = await openTrainingDirectory(out(), { '--batch': 4 }, start);
    expect(other.start).toBeUndefined();
  });

  test('a full disk leaves the earlier checkpoint and the model intact, with one clear error', async () => {
    const memory = live();
    const files = await createModelFiles(model, memory.parameters, { objective: 'ar' });
    let full = false;
    const { directory, store } = await storeOf(memory, {
      ...files,
      async writeWeights(to) {
        await files.writeWeights(to);
        if (full) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
      },
    });
    await store.save(at(5));
    await store.saveModel(at(5));
    full = true;
    await expect(store.save(at(10))).rejects.toMatchObject({
      code: 'run_not_writable',
      message: expect.stringMatching(
        /could not write the checkpoint of step 10 .* \(its disk is full\); earlier checkpoints are intact/,
      ),
    });
    await expect(store.saveModel(at(10))).rejects.toMatchObject({ code: 'run_not_writable' });
    await directory[Symbol.asyncDispose]();
    expect(readdirSync(join(out(), 'training')).sort()).toEqual(['settings.json', 'step-00000005']);
    await openCheckpoint(out());
    await using again = await openTrainingDirectory(out(), settings, start);
    expect(again).toMatchObject({ start: { state: { step: 5 } }, damaged: [] });
  });

  test('a head on an inner layer is stored as a probe, and restored as a head', async () => {
    const memory = live();
    const innerHead = { name: 'score.weight', layer: 1, labels: ['a', 'b', 'c'] };
    const files = await createModelFiles(model, memory.parameters, { objective: 'ar', head: 'probe', innerHead });
    const { directory, store } = await storeOf(memory, files);
    await store.save(at(2));
    await directory[Symbol.asyncDispose]();

    const { config, weights } = await openCheckpoint(checkpoint(2));
    expect(weights.score).toBeUndefined();
    const probe = await readProbe(checkpoint(2, 'probe.safetensors'), config);
    expect(probe).toMatchObject({ layers: [1], norm: 'next', labels: ['a', 'b', 'c'] });
    await using again = await openTrainingDirectory(out(), settings, start);
    const empty = live();
    for (const { data } of empty.parameters) data.fill(0);
    await restoreTraining(again, empty, innerHead);
    expect(empty.parameters).toEqual(memory.parameters);
  });
});

function flip(path: string): void {
  const bytes = readFileSync(path);
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(path, bytes);
}
