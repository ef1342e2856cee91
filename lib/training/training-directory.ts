import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isMissing } from '../local/error.ts';
import { makeDirectory } from '../local/make-directory.ts';
import { errorCode } from '../ports/error.ts';
import type { TrainingSession } from '../runtime/training-session.ts';
import { TrainingError } from './error.ts';
import type { InnerHead, ModelFiles } from './model-files.ts';
import type { TrainState } from './train.ts';
import { readTrainerState, restoreTrainerState, writeTrainerState } from './trainer-state.ts';
import { lockTraining } from './training-lock.ts';
import { differences, type TrainingSettings } from './training-settings.ts';
import { notWritable, writeWhole } from './write-whole.ts';

/** The run's own folder beside the model's files. */
const RUN_FOLDER = 'training';

const SETTINGS_FILE = 'settings.json';

/** The last one, and one before it for the case that the last is damaged. */
const KEPT = 2;

const STEP_FOLDER = /^step-(\d{8})$/;

/** Files of a model before they take their names. */
const HALF_WRITTEN = /^(config|preprocessor_config)\.json\.tmp$|^\.(model|probe)\.safetensors\..*\.tmp$/;

const settingsSchema = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]));

/** A run on disk: `training/step-…` are its checkpoints, each a model directory; the model itself lies above. */
export interface TrainingDirectory extends AsyncDisposable {
  /** Folder of the checkpoints, settings and metrics. */
  readonly folder: string;
  /** The state to go on from, with its checkpoint's folder; absent: a new run. */
  readonly start: { state: TrainState; folder: string } | undefined;
  /** Steps of checkpoints that are not whole and were passed over. */
  readonly damaged: readonly number[];
}

export interface OpenTrainingOptions {
  /** Begin anew where a run lies. */
  force: boolean;
  /** Refuse to begin anew. */
  resume: boolean;
}

/**
 * Opens the directory of a run for this process alone: a new one, an empty one, or one that holds a run with the same
 * settings, to go on with it.
 *
 * @throws TrainingError `run_differs`, `run_missing`, `run_busy`, `run_not_writable`
 */
export async function openTrainingDirectory(
  out: string,
  settings: TrainingSettings,
  { force, resume }: OpenTrainingOptions,
): Promise<TrainingDirectory> {
  const folder = join(out, RUN_FOLDER);
  const known = (await hasBegun(out, folder)) ? await readSettings(out, folder) : undefined;
  if (known === undefined && resume) {
    throw new TrainingError('run_missing', `${out} holds no run to go on with; leave --resume out to begin one`);
  }
  const other = known === undefined ? [] : differences(known, settings);
  if (other.length > 0 && !force) {
    throw new TrainingError(
      'run_differs',
      `${out} holds a run with other settings (${other.join('; ')}); give the same ones to go on with it, choose another --out, or add --force to begin anew`,
    );
  }
  const lock = await writing(out, async () => {
    await makeDirectory(folder);
    return await lockTraining(join(folder, 'lock'));
  });
  try {
    if (force && known !== undefined) await removeRun(out, folder);
    const found = await writing(out, () => tidy(out, folder));
    if (found.start === undefined && found.damaged.length > 0) {
      throw new TrainingError(
        'run_missing',
        `none of the checkpoints in ${out} is whole; add --force to begin anew, or choose another --out`,
      );
    }
    await writing(out, () => writeWhole(join(folder, SETTINGS_FILE), `${JSON.stringify(settings, undefined, 2)}\n`));
    return { folder, ...found, [Symbol.asyncDispose]: () => lock[Symbol.asyncDispose]() };
  } catch (error) {
    await lock[Symbol.asyncDispose]();
    throw error;
  }
}

/** False for a run that ended before it left anything: its settings bind nobody. */
async function hasBegun(out: string, folder: string): Promise<boolean> {
  const names = (path: string) => readdir(path).catch((): string[] => []);
  const beside = (await names(out)).some((name) => name !== RUN_FOLDER);
  return beside || stepsOf(await names(folder)).length > 0;
}

/** Settings of the run in `out`; undefined for a directory that is new or empty. */
async function readSettings(out: string, folder: string): Promise<TrainingSettings | undefined> {
  const text = await readFile(join(folder, SETTINGS_FILE), 'utf8').catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw notWritable(out, error);
  });
  if (text !== undefined) {
    try {
      return settingsSchema.parse(JSON.parse(text));
    } catch (cause) {
      throw new TrainingError('run_differs', `${join(folder, SETTINGS_FILE)} is damaged; choose another --out`, {
        cause,
      });
    }
  }
  const names = await readdir(out).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return [];
    throw notWritable(out, error);
  });
  // A run that was killed before its settings were written left its folder.
  const foreign = names.find((name) => name !== RUN_FOLDER);
  if (foreign === undefined) return undefined;
  throw new TrainingError(
    'run_differs',
    `${out} holds ${foreign}, which is of no run; expected a new directory, an empty one, or one of igpt train: choose another --out`,
  );
}

/** Removes what a killed process left, and finds the last checkpoint that is whole. */
async function tidy(out: string, folder: string): Promise<Pick<TrainingDirectory, 'start' | 'damaged'>> {
  const names = await readdir(folder);
  for (const name of names.filter((entry) => entry.endsWith('.tmp'))) await remove(join(folder, name));
  for (const name of await readdir(out)) {
    if (HALF_WRITTEN.test(name)) await remove(join(out, name));
  }
  const damaged: number[] = [];
  for (const step of stepsOf(names)) {
    const checkpoint = join(folder, stepFolder(step));
    const state = await readTrainerState(checkpoint);
    if (state?.step === step) {
      // Their names are needed again.
      for (const later of damaged) await remove(join(folder, stepFolder(later)));
      return { start: { state, folder: checkpoint }, damaged };
    }
    damaged.push(step);
  }
  return { start: undefined, damaged };
}

/** Latest first. */
function stepsOf(names: readonly string[]): number[] {
  return names
    .map((name) => Number(STEP_FOLDER.exec(name)?.[1] ?? Number.NaN))
    .filter(Number.isInteger)
    .sort((a, b) => b - a);
}

async function removeRun(out: string, folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name !== 'lock') await remove(join(folder, name));
  }
  for (const name of ['model.safetensors', 'probe.safetensors', 'config.json', 'preprocessor_config.json']) {
    await remove(join(out, name));
  }
}

export interface CheckpointStore {
  /** Keeps a checkpoint of the step, and removes those that are too old. */
  save(state: TrainState): Promise<void>;
  /** The model of `out` is now what the weights are. */
  saveModel(state: Pick<TrainState, 'step'>): Promise<void>;
}

/** Writes a run's checkpoints: each directory and file takes its name when it is whole. */
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
        for (const old of stepsOf(await readdir(folder)).slice(KEPT)) await remove(join(folder, stepFolder(old)));
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

/** Puts the checkpoint that a run goes on from into the live weights and moments. */
export async function restoreTraining(
  { start }: Pick<TrainingDirectory, 'start'>,
  live: Pick<TrainingSession, 'parameters' | 'moments'>,
  innerHead: InnerHead | undefined,
): Promise<void> {
  if (start !== undefined) await restoreTrainerState(start.folder, live, innerHead);
}

function stepFolder(step: number): string {
  return `step-${String(step).padStart(8, '0')}`;
}

function remove(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true });
}

async function writing<T>(out: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw notWritable(out, error);
  }
}
