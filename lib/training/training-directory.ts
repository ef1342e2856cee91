import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { makeDirectory } from '../files/make-directory.ts';
import { readTextFile } from '../files/regular-file.ts';
import { isMissing } from '../local/error.ts';
import { systemClock } from '../local/system-clock.ts';
import type { TrainingSession } from '../runtime/training-session.ts';
import { TrainingError } from './error.ts';
import type { InnerHead, ModelFiles } from './model-files.ts';
import type { TrainState } from './train.ts';
import { readTrainerState, restoreTrainerState, writeTrainerState } from './trainer-state.ts';
import { lockTraining } from './training-lock.ts';
import { differences, type TrainingSettings } from './training-settings.ts';
import { notWritable, writeWhole } from './write-whole.ts';

/**
 * The directory of a training. The trained model lies in it; the subfolder `training` holds the settings, the metrics,
 * and the checkpoints `step-…`, each a model directory of its own.
 */
export interface TrainingDirectory extends AsyncDisposable {
  /** The subfolder `training`. */
  readonly folder: string;
  /** The checkpoint to resume from. Undefined for a new training. */
  readonly start: { state: TrainState; folder: string } | undefined;
  /** Steps of damaged checkpoints, which were skipped. */
  readonly damaged: readonly number[];
}

export interface OpenTrainingOptions {
  /** Delete the training in the directory and start again. */
  force: boolean;
  /** Refuse to start a new training. */
  resume: boolean;
}

/**
 * Opens and locks the directory of a training: a new or empty one, or one of a training with the same settings, which
 * resumes.
 *
 * @throws TrainingError `run_differs`, `run_missing`, `run_busy`, `run_not_writable`
 */
export async function openTrainingDirectory(
  out: string,
  settings: TrainingSettings,
  { force, resume }: OpenTrainingOptions,
): Promise<TrainingDirectory> {
  const folder = join(out, trainingFolder);
  const known = (await hasStarted(out, folder)) ? await readSettings(out, folder) : undefined;
  if (known === undefined && resume) {
    throw new TrainingError('run_missing', `${out} holds no training to resume; leave out --resume to start one`);
  }
  const changed = known === undefined ? [] : differences(known, settings);
  if (changed.length > 0 && !force) {
    throw new TrainingError(
      'run_differs',
      `${out} holds a training with other settings (${changed.join('; ')}); use the same settings to resume it, choose another --out, or add --force to start again`,
    );
  }
  const lock = await writing(out, async () => {
    await makeDirectory(folder);
    return await lockTraining(join(folder, lockFile), systemClock);
  });
  try {
    if (force && known !== undefined) await removeTraining(out, folder);
    const found = await writing(out, () => findCheckpoint(out, folder));
    if (found.start === undefined && found.damaged.length > 0) {
      throw new TrainingError(
        'run_missing',
        `all checkpoints in ${out} are damaged; add --force to start again, or choose another --out`,
      );
    }
    await writing(out, () => writeWhole(join(folder, settingsFile), `${JSON.stringify(settings, undefined, 2)}\n`));
    return { folder, ...found, [Symbol.asyncDispose]: () => lock[Symbol.asyncDispose]() };
  } catch (error) {
    await lock[Symbol.asyncDispose]();
    throw error;
  }
}

export interface CheckpointStore {
  /** Saves a checkpoint, and removes the oldest beyond {@link keptCheckpoints}. */
  save(state: TrainState): Promise<void>;
  /** Writes the current weights as the model of the directory. */
  saveModel(state: Pick<TrainState, 'step'>): Promise<void>;
}

/** Writes the checkpoints and the model of a training. Each appears whole or not at all. */
export function createCheckpointStore(
  out: string,
  { folder }: Pick<TrainingDirectory, 'folder'>,
  live: Pick<TrainingSession, 'parameters' | 'moments'>,
  model: ModelFiles,
  seed: number,
): CheckpointStore {
  return {
    async save(state) {
      const name = stepFolder(state.step);
      const temporary = join(folder, `${name}.tmp`);
      try {
        await remove(temporary);
        await mkdir(temporary);
        await writeTrainerState(temporary, model, live, state, seed);
        await rename(temporary, join(folder, name));
        const old = stepsOf(await readdir(folder)).slice(keptCheckpoints);
        for (const step of old) await remove(join(folder, stepFolder(step)));
      } catch (error) {
        await remove(temporary).catch(() => {});
        throw notWritable(`the checkpoint of step ${state.step} in ${out}`, error);
      }
    },
    async saveModel({ step }) {
      try {
        await model.writeDescription(out);
        await model.writeWeights(out);
      } catch (error) {
        throw notWritable(`the model of step ${step} in ${out}`, error);
      }
    },
  };
}

/** Copies the checkpoint that a training resumes from, if any, into the live weights and moments. */
export async function restoreTraining(
  { start }: Pick<TrainingDirectory, 'start'>,
  live: Pick<TrainingSession, 'parameters' | 'moments'>,
  innerHead: InnerHead | undefined,
): Promise<void> {
  if (start !== undefined) await restoreTrainerState(start.folder, live, innerHead);
}

const trainingFolder = 'training';
const lockFile = 'lock';
const settingsFile = 'settings.json';

const modelFileNames = ['model.safetensors', 'probe.safetensors', 'config.json', 'preprocessor_config.json'];

/** Temporary names of the model's files. */
const temporaryModelFile = /^\.(config\.json|preprocessor_config\.json|(model|probe)\.safetensors)\..*\.tmp$/;

/** The last checkpoint, and the one before it in case the last is damaged. */
const keptCheckpoints = 2;

const stepFolderName = /^step-(\d{8})$/;

function stepFolder(step: number): string {
  return `step-${String(step).padStart(8, '0')}`;
}

/** Steps of the checkpoints among `names`, latest first. */
function stepsOf(names: readonly string[]): number[] {
  return names
    .map((name) => Number(stepFolderName.exec(name)?.[1] ?? Number.NaN))
    .filter(Number.isInteger)
    .sort((a, b) => b - a);
}

/** False for a training that ended before its first checkpoint: its settings may be changed. */
async function hasStarted(out: string, folder: string): Promise<boolean> {
  const beside = (await namesIn(out, out)).some((name) => name !== trainingFolder);
  return beside || stepsOf(await namesIn(folder, out)).length > 0;
}

/** Names in a folder of the training in `out`; none without the folder. */
function namesIn(path: string, out: string): Promise<string[]> {
  return readdir(path).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw notWritable(out, error);
  });
}

const settingsSchema = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]));

/** Settings of the training in `out`. Undefined for a directory that is new or empty. */
async function readSettings(out: string, folder: string): Promise<TrainingSettings | undefined> {
  const text = await readTextFile(join(folder, settingsFile)).catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw notWritable(out, error);
  });
  if (text !== undefined) {
    try {
      return settingsSchema.parse(JSON.parse(text));
    } catch (cause) {
      throw new TrainingError('run_differs', `${join(folder, settingsFile)} is damaged; choose another --out`, {
        cause,
      });
    }
  }
  const names = await namesIn(out, out);
  // A process that was killed before it wrote the settings left an empty subfolder.
  const foreign = names.find((name) => name !== trainingFolder);
  if (foreign === undefined) return undefined;
  throw new TrainingError(
    'run_differs',
    `${out} holds ${foreign}, which igpt train did not write; expected a new directory, an empty one, or one of igpt train: choose another --out`,
  );
}

/** Finds the last checkpoint that is whole. Removes leftovers of a killed process, and damaged checkpoints after it. */
async function findCheckpoint(out: string, folder: string): Promise<Pick<TrainingDirectory, 'start' | 'damaged'>> {
  const names = await readdir(folder);
  for (const name of names.filter((entry) => entry.endsWith('.tmp'))) await remove(join(folder, name));
  for (const name of await readdir(out)) {
    if (temporaryModelFile.test(name)) await remove(join(out, name));
  }
  const damaged: number[] = [];
  for (const step of stepsOf(names)) {
    const checkpoint = join(folder, stepFolder(step));
    const state = await readTrainerState(checkpoint);
    if (state?.step === step) {
      // The training will write these steps again.
      for (const later of damaged) await remove(join(folder, stepFolder(later)));
      return { start: { state, folder: checkpoint }, damaged };
    }
    damaged.push(step);
  }
  return { start: undefined, damaged };
}

async function removeTraining(out: string, folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name !== lockFile) await remove(join(folder, name));
  }
  for (const name of modelFileNames) await remove(join(out, name));
}

function remove(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true });
}

/** Runs `work`, and turns what the file system refuses into an error that names `out`. */
async function writing<T>(out: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw notWritable(out, error);
  }
}
