import { join } from 'node:path';
import { z } from 'zod';
import { openByteFile } from '../checkpoint/byte-file.ts';
import { readSafetensorsHeader } from '../checkpoint/safetensors/safetensors.ts';
import { type TensorData, writeSafetensors } from '../checkpoint/safetensors/write-safetensors.ts';
import { fileHash } from '../checkpoint/weights-hash.ts';
import { syncFolder } from '../files/place-file.ts';
import { createFile, readTextFile } from '../files/regular-file.ts';
import type { TrainingSession } from '../runtime/training-session.ts';
import type { InnerHead, ModelFiles } from './model-files.ts';
import type { TrainState } from './train.ts';

/** Changes whenever the contents of a checkpoint change meaning. */
const formatName = 'igpt-trainer-state-1';

const stateFile = 'trainer-state.json';
const momentsFile = 'trainer-state.safetensors';

const validation = z.object({
  loss: z.number(),
  generative: z.number().optional(),
  classification: z.number().optional(),
  accuracy: z.number().optional(),
});

const schema = z.object({
  format: z.literal(formatName),
  step: z.int().positive(),
  /** Seed of order, augmentation and masks. Every random generator is created from it and the step's number. */
  seed: z.int(),
  losses: z.array(z.number()),
  best: z.object({ step: z.int().positive(), validation }).optional(),
  sinceBest: z.int().nonnegative(),
  ended: z.boolean(),
  /** Checksums of the other files, by name. This file is written last. */
  sha256: z.record(z.string(), z.string()),
});

type Live = Pick<TrainingSession, 'parameters' | 'moments'>;

/**
 * Writes a checkpoint into an empty directory: a model directory, with Adam's moments and the state in further files.
 * JSON stores every number of the state exactly.
 */
export async function writeTrainerState(
  directory: string,
  model: ModelFiles,
  { moments }: Live,
  state: TrainState,
  seed: number,
): Promise<void> {
  await model.writeDescription(directory);
  await model.writeWeights(directory);
  // PyTorch's names of Adam's moments.
  const tensors = [...moments].flatMap(([name, { first, second }]): TensorData[] => [
    { name: `exp_avg.${name}`, shape: [first.length], data: first },
    { name: `exp_avg_sq.${name}`, shape: [second.length], data: second },
  ]);
  await writeSafetensors(join(directory, momentsFile), tensors);
  const sha256: Record<string, string> = {};
  for (const name of [...model.weightFiles, momentsFile]) sha256[name] = await fileHash(join(directory, name));
  const json = { format: formatName, ...state, seed, sha256 };
  await createFile(join(directory, stateFile), `${JSON.stringify(json)}\n`);
  // The file names must be on the disk, too, before the directory is renamed.
  await syncFolder(directory);
}

/** State of a checkpoint. Undefined when the checkpoint is incomplete, damaged or of another format. */
export async function readTrainerState(directory: string): Promise<TrainState | undefined> {
  try {
    const text = await readTextFile(join(directory, stateFile));
    const { sha256, step, losses, best, sinceBest, ended } = schema.parse(JSON.parse(text));
    for (const [name, hash] of Object.entries(sha256)) {
      if ((await fileHash(join(directory, name))) !== hash) return undefined;
    }
    return { step, losses, sinceBest, ended, best };
  } catch {
    return undefined;
  }
}

/** Copies the weights and moments of a checkpoint into the live ones. */
export async function restoreTrainerState(
  directory: string,
  { parameters, moments }: Live,
  innerHead: InnerHead | undefined,
): Promise<void> {
  const weights = new Map(parameters.map(({ name, data }) => [name, data]));
  const head = innerHead && weights.get(innerHead.name);
  if (innerHead !== undefined) weights.delete(innerHead.name);
  await readInto(join(directory, 'model.safetensors'), weights);
  if (head !== undefined) await readInto(join(directory, 'probe.safetensors'), new Map([['weight', head]]));
  const kept = [...moments].flatMap(([name, { first, second }]): [string, Float32Array][] => [
    [`exp_avg.${name}`, first],
    [`exp_avg_sq.${name}`, second],
  ]);
  await readInto(join(directory, momentsFile), new Map(kept));
}

async function readInto(path: string, targets: ReadonlyMap<string, Float32Array>): Promise<void> {
  const { tensors } = await readSafetensorsHeader(path);
  await using file = await openByteFile(path);
  for (const [name, data] of targets) {
    const tensor = tensors.get(name);
    if (tensor?.length !== data.byteLength) {
      throw new Error(`${path}: expected ${name} to have ${data.byteLength} bytes, found ${tensor?.length ?? 0}`);
    }
    const bytes = await file.read(tensor.offset, tensor.length);
    new Uint8Array(data.buffer, data.byteOffset, data.byteLength).set(bytes);
  }
}
