import { createHash } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import {
  type DerivedPrecision,
  type DerivedWeights,
  derivedFolder,
  derivedPath,
  openDerived,
  writeDerived,
} from '../checkpoint/derived/derived-file.ts';
import {
  type MatrixFormat,
  matrixRoles,
  type Plan,
  planText,
  uniformPlan,
} from '../checkpoint/derived/precision-plan.ts';
import { CheckpointError, type CheckpointErrorCode } from '../checkpoint/error.ts';
import { nameBeside, removeLeftovers } from '../local/leftovers.ts';
import { ImageGptError } from '../ports/error.ts';
import type { Precision } from '../ports/model.ts';
import { projectionCosines } from './projection-cosines.ts';

/**
 * What every verb uses on a CPU unless told otherwise. On igpt-nano, int8 keeps the top-1 class of 99.5 % of 600 CIFAR-10
 * test pictures and a feature cosine of 0.9998, and moves the likelihood by 2e-4 nats a token (`igpt quantize-weights`);
 * S takes 0.35 times as long. But OpenAI's own weights were not at hand: until their outliers have been looked at
 * (`igpt verify`), what nobody asked for is exact.
 */
export const defaultPrecision: Precision = 'f32';

/** Below this cosine to f32 a matrix gets the next, finer format. */
export const LEAST_COSINE = 0.999;

/** From fast to exact. */
const FINER: Readonly<Record<MatrixFormat, MatrixFormat>> = {
  int8: 'int8-unfolded',
  'int8-unfolded': 'int8-block-32',
  'int8-block-128': 'int8-block-32',
  'int8-block-32': 'f32',
  f32: 'f32',
};

const FIRST: Readonly<Record<'int8' | 'int8-block', MatrixFormat>> = { int8: 'int8', 'int8-block': 'int8-block-128' };

/** A checkpoint whose weights are in the wanted format. */
export interface PreciseCheckpoint {
  checkpoint: Checkpoint;
  /** For the model id: the precision, and what else the numbers depend on. */
  identity: string;
  /** Absent for f32. */
  derived?: DerivedWeights;
}

export interface PrecisionOptions {
  /** Folder of derived files. Default: see {@link derivedFolder}. */
  folder?: string;
  /** Makes the file anew. Default false. */
  again?: boolean;
  /** Is told in one line of a file that is damaged or stale, and therefore made anew. Default: standard error. */
  say?: (line: string) => void;
}

/** Of a derived file that is of no use: another takes its place. */
const UNUSABLE: readonly CheckpointErrorCode[] = ['weights_invalid', 'weights_stale'];

/**
 * The checkpoint in a number format. Its file is made on first use (S: 2 s), and found again by a hash of the weights;
 * one that is damaged is made anew.
 *
 * @throws CheckpointError `output_not_writable`, and what is wrong with the weights
 */
export async function inPrecision(
  checkpoint: Checkpoint,
  precision: Precision,
  { folder = derivedFolder(), again = false, say = sayOnStandardError }: PrecisionOptions = {},
): Promise<PreciseCheckpoint> {
  if (precision === 'f32') return { checkpoint, identity: precision };
  const path = await derivedPath(checkpoint, precision, folder);
  const found = again ? undefined : await openUsable(path, checkpoint, precision, say);
  const derived = found ?? (await derive(path, checkpoint, precision));
  return {
    checkpoint: { ...checkpoint, weights: derived.weights },
    identity: identityOf(checkpoint, precision, derived.plan),
    derived,
  };
}

/** Models whose matrices all have the first format share a plain name. */
function identityOf({ config }: Checkpoint, precision: DerivedPrecision, plan: Plan | undefined): string {
  if (plan === undefined || precision === 'f16') return precision;
  const text = planText(plan);
  if (text === planText(uniformPlan(config.n_layer, FIRST[precision]))) return precision;
  return `${precision}+${createHash('sha256').update(text).digest('hex').slice(0, 8)}`;
}

function sayOnStandardError(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function openUsable(
  path: string,
  checkpoint: Checkpoint,
  precision: DerivedPrecision,
  say: (line: string) => void,
): Promise<DerivedWeights | undefined> {
  try {
    return await openDerived(path, checkpoint, precision);
  } catch (error) {
    if (!(error instanceof CheckpointError && UNUSABLE.includes(error.code))) throw error;
    say(`${error.message} It is made anew.`);
    return undefined;
  }
}

async function derive(path: string, checkpoint: Checkpoint, precision: DerivedPrecision): Promise<DerivedWeights> {
  await removeLeftovers(path);
  // Its place is taken only by a file that is whole, and whose every matrix is good enough.
  const folder = nameBeside(path, 'tmp');
  const candidate = join(folder, basename(path));
  try {
    if (precision === 'f16') {
      await writeDerived(candidate, checkpoint, precision, undefined);
    } else {
      let plan = uniformPlan(checkpoint.config.n_layer, FIRST[precision]);
      for (let next: Plan | undefined = plan; next !== undefined; ) {
        plan = next;
        await writeDerived(candidate, checkpoint, precision, plan);
        const made = await openMade(candidate, checkpoint, precision);
        next = finerPlan(plan, await projectionCosines(checkpoint, made.weights));
      }
    }
    await rename(candidate, path);
  } catch (cause) {
    if (cause instanceof ImageGptError) throw cause;
    throw new CheckpointError(
      'output_not_writable',
      `The ${precision} weights cannot be written to ${dirname(path)}; set IGPT_CACHE to a folder with room for them.`,
      { cause },
    );
  } finally {
    await rm(folder, { recursive: true, force: true }).catch(() => {}); // what went wrong before matters more
  }
  return openMade(path, checkpoint, precision);
}

async function openMade(path: string, checkpoint: Checkpoint, precision: DerivedPrecision): Promise<DerivedWeights> {
  const made = await openDerived(path, checkpoint, precision);
  if (made === undefined) throw new Error(`${path} is gone as soon as it was written`);
  return made;
}

/** The plan with finer formats where a cosine, [n_layer x 4], is too low; undefined when none is. */
export function finerPlan(plan: Plan, cosines: readonly number[]): Plan | undefined {
  let changed = false;
  const next = plan.map((block, layer) => {
    const formats = { ...block };
    matrixRoles.forEach((role, i) => {
      const cosine = cosines[layer * matrixRoles.length + i] ?? Number.NaN;
      if (cosine >= LEAST_COSINE || block[role] === 'f32') return;
      const finer = FINER[block[role]];
      // Only the matrices after a norm have a gain to leave alone.
      const folds = role === 'attention' || role === 'fc';
      formats[role] = finer === 'int8-unfolded' && !folds ? FINER[finer] : finer;
      changed = true;
    });
    return formats;
  });
  return changed ? next : undefined;
}
