import { createHash } from 'node:crypto';
import { mkdir, open, realpath } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { ImageGptWeights } from '../../graph/weights.ts';
import type { Precision } from '../../ports/model.ts';
import type { Checkpoint } from '../checkpoint.ts';
import { CheckpointError } from '../error.ts';
import { readSafetensorsHeader } from '../safetensors/safetensors.ts';
import { streamSafetensors } from '../safetensors/stream-safetensors.ts';
import { statFile } from '../stat-file.ts';
import { fileHash, weightHashes } from '../weights-hash.ts';
import { halfTensors, quantizedTensors } from './derived-tensors.ts';
import { derivedWeights } from './derived-weights.ts';
import { type Plan, parsePlan, planText } from './precision-plan.ts';

/** Raised with every change of what is derived, so that files of other versions are never read. */
const FORMAT = 'igpt-derived-2';

/** Of SHA-256, hex digits. */
const DIGITS = 16;

/** A precision that has a file of its own. */
export type DerivedPrecision = Exclude<Precision, 'f32'>;

/** Weights in another number format, in a file made from the checkpoint's. */
export interface DerivedWeights {
  weights: ImageGptWeights;
  /** Formats of the matrices; undefined for `f16`, where every weight has the same. */
  plan?: Plan;
  path: string;
  /** Bytes. */
  bytes: number;
}

/**
 * Path of a checkpoint's derived file in `folder`: the name holds what it was made of, so another checkpoint or version
 * has another one.
 */
export async function derivedPath(
  checkpoint: Checkpoint,
  precision: DerivedPrecision,
  folder: string,
): Promise<string> {
  const source = await sourceHash(checkpoint);
  return join(folder, `${checkpoint.name}-${precision}-${source.slice(0, DIGITS)}.safetensors`);
}

/**
 * Writes a derived file; the same bytes on every machine for the same weights and plan. Cut off before its end, it has
 * no seal, and nothing opens it.
 *
 * @throws CheckpointError what is wrong with the weights; Node's own error where the file cannot be written
 */
export async function writeDerived(
  path: string,
  checkpoint: Checkpoint,
  precision: DerivedPrecision,
  plan: Plan | undefined,
): Promise<void> {
  const { weights, config } = checkpoint;
  const metadata = {
    ...noSeal,
    format: FORMAT,
    source: await sourceHash(checkpoint),
    precision,
    ...(plan && { plan: planText(plan) }),
  };
  const tensors = plan === undefined ? halfTensors(weights) : quantizedTensors(weights, config, plan);
  await mkdir(dirname(path), { recursive: true });
  await streamSafetensors(path, tensors, metadata);
  await sealFile(path);
}

/**
 * Opens a derived file; undefined when there is none. Reads all of it to see that it is sound: the weights that it was
 * made of, up to four times as large, are read for its name anyway.
 *
 * @throws CheckpointError `weights_stale` when it was made of other weights, `weights_invalid` when it is damaged: in
 * either case it may be made anew
 */
export async function openDerived(
  path: string,
  checkpoint: Checkpoint,
  precision: DerivedPrecision,
): Promise<DerivedWeights | undefined> {
  if ((await statFile(path, 'weights_missing')) === undefined) return undefined;
  const { tensors, metadata, fileBytes } = await readSafetensorsHeader(path).catch((cause: unknown) => {
    throw new CheckpointError('weights_invalid', `${path} is damaged: it is cut short, or no safetensors file.`, {
      cause,
    });
  });
  const { format, source, precision: made, plan: text } = metadata;
  const plan = text === undefined ? undefined : parsePlan(text);
  const blocks = precision === 'f16' ? undefined : checkpoint.config.n_layer;
  if (!(await isSound(path, metadata))) {
    throw new CheckpointError('weights_invalid', `${path} is damaged: its checksum does not match.`);
  }
  if (format !== FORMAT || source !== (await sourceHash(checkpoint)) || made !== precision || plan?.length !== blocks) {
    throw new CheckpointError('weights_stale', `${path} was not made of these weights, or by another version.`);
  }
  const real = await realpath(path);
  const weights = derivedWeights(checkpoint, tensors, basename(real), plan);
  return { weights: { ...weights, directory: dirname(real) }, ...(plan && { plan }), path, bytes: fileBytes };
}

async function sourceHash(checkpoint: Checkpoint): Promise<string> {
  const hashes = await weightHashes(checkpoint);
  return createHash('sha256')
    .update([FORMAT, ...hashes].join('\n'))
    .digest('hex');
}

/** Where files that can be made again are kept: IGPT_CACHE, else the user's cache folder. */
export function derivedFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const { IGPT_CACHE: chosen = '', XDG_CACHE_HOME: cache = '' } = env;
  return chosen !== ''
    ? chosen
    : join(cache !== '' ? cache : join(homedir(), '.cache'), 'image-gpt-serverless', 'derived');
}

/** Takes the place of the seal while a file is being written. SHA-256, hex. */
const noDigits = '0'.repeat(64);

/** Goes first into the metadata of a file that will be sealed. */
export const noSeal = { sha256: noDigits } as const;

/** The header's length and the beginning of its JSON: streamSafetensors writes metadata first, and them in their order. */
const digitsStart = 8 + '{"__metadata__":{"sha256":"'.length;

/** What the seal is made of begins here: the rest of the header, and all data. */
const digitsEnd = digitsStart + noDigits.length;

/** Writes the SHA-256 of all that stands behind it into a safetensors file whose metadata began with {@link noSeal}. */
export async function sealFile(path: string): Promise<void> {
  const seal = await fileHash(path, digitsEnd);
  await using file = await open(path, 'r+');
  await file.write(seal, digitsStart, 'latin1');
  await file.sync();
}

/**
 * Whether a sealed file is as it was written. What stands before the seal, a header that was read has been checked by:
 * without it there would be no `sha256`, or no tensors that fill the file.
 */
export async function isSound(path: string, { sha256 }: Readonly<Record<string, string>>): Promise<boolean> {
  return sha256 === (await fileHash(path, digitsEnd));
}
