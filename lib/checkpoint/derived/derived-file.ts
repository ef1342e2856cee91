import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { makeDirectory } from '../../files/make-directory.ts';
import { openRegularFile } from '../../files/regular-file.ts';
import type { ImageGptWeights } from '../../graph/weights.ts';
import { userCache } from '../../local/user-cache.ts';
import type { Precision } from '../../ports/model.ts';
import type { Checkpoint } from '../checkpoint.ts';
import { CheckpointError } from '../error.ts';
import { hasFile } from '../open-file.ts';
import { readSafetensorsHeader } from '../safetensors/safetensors.ts';
import { streamSafetensors } from '../safetensors/write-safetensors.ts';
import { fileHash, weightHashes } from '../weights-hash.ts';
import { halfTensors, quantizedTensors } from './derived-tensors.ts';
import { derivedWeights } from './derived-weights.ts';
import { type Plan, parsePlan, planText } from './precision-plan.ts';

/** Must change whenever the contents of derived files change, so that old files are never read. */
const formatVersion = 'igpt-derived-2';

/** How many hex digits of the SHA-256 the file name holds. */
const nameDigits = 16;

/** Precisions that need a derived file. */
export type DerivedPrecision = Exclude<Precision, 'f32'>;

/** Weights of a checkpoint in another number format, in a file of their own. */
export interface DerivedWeights {
  weights: ImageGptWeights;
  /** Formats of the matrices; undefined for `f16`, where all weights have the same format. */
  plan: Plan | undefined;
  path: string;
  /** Size of the file (bytes). */
  bytes: number;
}

/** Folder of derived files: IGPT_CACHE, else a folder in the user's cache. */
export function derivedFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const { IGPT_CACHE: chosen = '' } = env;
  return chosen !== '' ? chosen : join(userCache(env), 'derived');
}

/** Path of a checkpoint's derived file. The name holds a hash of the weights that it is made from. */
export async function derivedPath(
  checkpoint: Checkpoint,
  precision: DerivedPrecision,
  folder: string,
): Promise<string> {
  const source = await sourceHash(checkpoint);
  return join(folder, `${checkpoint.name}-${precision}-${source.slice(0, nameDigits)}.safetensors`);
}

/**
 * Writes a derived file. The same weights and plan give the same bytes on every machine. An interrupted write leaves a
 * file without a seal, which {@link openDerived} refuses.
 *
 * @throws CheckpointError if the weights are unusable; Node's own error if the file cannot be written
 */
export async function writeDerived(
  path: string,
  checkpoint: Checkpoint,
  precision: DerivedPrecision,
  plan: Plan | undefined,
): Promise<void> {
  const { weights, config } = checkpoint;
  const metadata = {
    ...unsealed,
    format: formatVersion,
    source: await sourceHash(checkpoint),
    precision,
    ...(plan && { plan: planText(plan) }),
  };
  const tensors = plan === undefined ? halfTensors(weights) : quantizedTensors(weights, config, plan);
  await makeDirectory(dirname(path));
  await streamSafetensors(path, tensors, metadata);
  await sealFile(path);
}

/**
 * Opens a derived file. Reads all of it to verify its checksum. That is cheap compared to hashing the original weights,
 * which are up to four times as large and must be hashed for the file name.
 *
 * @returns undefined if there is no such file
 * @throws CheckpointError `weights_stale` if it was made from other weights, `weights_invalid` if it is damaged; in both
 * cases it can be made again
 */
export async function openDerived(
  path: string,
  checkpoint: Checkpoint,
  precision: DerivedPrecision,
): Promise<DerivedWeights | undefined> {
  if (!(await hasFile(path, 'weights_missing'))) return undefined;
  const { tensors, metadata, fileBytes } = await readSafetensorsHeader(path).catch((cause: unknown) => {
    throw new CheckpointError('weights_invalid', `${path} is damaged: it is cut short, or not a safetensors file.`, {
      cause,
    });
  });
  const { format, source, precision: made, plan: text } = metadata;
  const plan = text === undefined ? undefined : parsePlan(text);
  const blocks = precision === 'f16' ? undefined : checkpoint.config.n_layer;
  if (!(await isSealed(path, metadata))) {
    throw new CheckpointError('weights_invalid', `${path} is damaged: its checksum does not match.`);
  }
  const current = format === formatVersion && source === (await sourceHash(checkpoint));
  if (!current || made !== precision || plan?.length !== blocks) {
    throw new CheckpointError('weights_stale', `${path} was made from other weights, or by another version.`);
  }
  const real = await realpath(path);
  const weights = derivedWeights(checkpoint, tensors, basename(real), plan);
  return { weights: { ...weights, directory: dirname(real) }, plan, path, bytes: fileBytes };
}

async function sourceHash(checkpoint: Checkpoint): Promise<string> {
  const hashes = await weightHashes(checkpoint);
  return createHash('sha256')
    .update([formatVersion, ...hashes, ...formatSettings(checkpoint)].join('\n'))
    .digest('hex');
}

/** What the formats of the matrices depend on beside the weights. Nothing for OpenAI's activation, as in older files. */
function formatSettings({ config: { activation_function } }: Checkpoint): string[] {
  return activation_function === 'quick_gelu' ? [] : [activation_function];
}

/** Placeholder for the seal, a SHA-256 (hex), while the file is written. */
const blankSeal = '0'.repeat(64);

/** The first metadata entry, so that the seal has a fixed place in the file. */
const unsealed = { sha256: blankSeal };

/** The seal follows the header's length and the beginning of its JSON. */
const sealStart = 8 + '{"__metadata__":{"sha256":"'.length;

/** The seal covers everything from here to the end of the file. */
const sealEnd = sealStart + blankSeal.length;

/** Replaces {@link blankSeal} by the SHA-256 of everything that follows it. */
async function sealFile(path: string): Promise<void> {
  const seal = await fileHash(path, sealEnd);
  await using file = await openRegularFile(path, 'update');
  await file.write(seal, sealStart, 'latin1');
  await file.sync();
}

/** Whether the seal matches. Parsing the header has already validated the bytes before the seal. */
async function isSealed(path: string, { sha256 }: Readonly<Record<string, string>>): Promise<boolean> {
  return sha256 === (await fileHash(path, sealEnd));
}
