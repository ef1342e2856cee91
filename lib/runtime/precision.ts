import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
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
import { nameBeside, removeLeftovers } from '../files/leftovers.ts';
import { replaceFile } from '../files/place-file.ts';
import { systemSaid } from '../local/error.ts';
import { ImageGptError } from '../ports/error.ts';
import type { Precision } from '../ports/model.ts';
import { projectionCosines } from './projection-cosines.ts';

/**
 * Default of every verb. int8 is faster (S takes 0.35 times as long) and close. Measured on igpt-nano and CIFAR-10's
 * 10,000 test pictures: 99.6 % keep their likeliest class, the lowest feature cosine is 0.9998, and the mean likelihood
 * changes by 4e-4 nats per token. But OpenAI's own weights have not been measured, and their outliers are unknown
 * (`igpt verify`). So the default stays exact.
 */
export const defaultPrecision: Precision = 'f32';

/** A matrix whose products have a lower cosine to f32 gets the next finer format. */
export const leastCosine = 0.999;

/** The next finer format of each. */
const finer: Readonly<Record<MatrixFormat, MatrixFormat>> = {
  int8: 'int8-unfolded',
  'int8-unfolded': 'int8-block-32',
  'int8-block-128': 'int8-block-32',
  'int8-block-32': 'f32',
  f32: 'f32',
};

const firstFormat: Readonly<Record<'int8' | 'int8-block', MatrixFormat>> = {
  int8: 'int8',
  'int8-block': 'int8-block-128',
};

/** A checkpoint with weights in the requested format. */
export interface PreciseCheckpoint {
  checkpoint: Checkpoint;
  /** Part of the model id: the precision, and a hash of the formats if some matrices have a finer one. */
  identity: string;
  /** Absent for f32. */
  derived?: DerivedWeights | undefined;
}

export interface PrecisionOptions {
  /** Folder of derived files (default: see {@link derivedFolder}). */
  folder?: string | undefined;
  /** Write the file again even if it exists (default false). */
  again?: boolean | undefined;
  /** Called with a line of text when a damaged or stale file is written again (default: writes to standard error). */
  say?: ((line: string) => void) | undefined;
}

/** Errors of a derived file that is written again. */
const unusable: readonly CheckpointErrorCode[] = ['weights_invalid', 'weights_stale'];

/**
 * The checkpoint in a number format. The file of derived weights is written on first use (S: 2 s) and found later by a
 * hash of the checkpoint's weights. A damaged file is written again.
 *
 * @throws CheckpointError `output_not_writable`, or the codes of unusable weights
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

/** The plain precision if all matrices have its first format, else with a hash of the formats. */
function identityOf({ config }: Checkpoint, precision: DerivedPrecision, plan: Plan | undefined): string {
  if (plan === undefined || precision === 'f16') return precision;
  const text = planText(plan);
  if (text === planText(uniformPlan(config.n_layer, firstFormat[precision]))) return precision;
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
    if (!(error instanceof CheckpointError && unusable.includes(error.code))) throw error;
    say(`${error.message} It is written again.`);
    return undefined;
  }
}

async function derive(path: string, checkpoint: Checkpoint, precision: DerivedPrecision): Promise<DerivedWeights> {
  await removeLeftovers(path);
  // Written elsewhere and then renamed: `path` only ever holds a whole file whose matrices are all good enough.
  const folder = nameBeside(path, 'tmp');
  const candidate = join(folder, basename(path));
  try {
    if (precision === 'f16') {
      await writeDerived(candidate, checkpoint, precision, undefined);
    } else {
      let plan = uniformPlan(checkpoint.config.n_layer, firstFormat[precision]);
      for (let next: Plan | undefined = plan; next !== undefined; ) {
        plan = next;
        await writeDerived(candidate, checkpoint, precision, plan);
        const made = await openMade(candidate, checkpoint, precision);
        next = finerPlan(plan, await projectionCosines(checkpoint, made.weights));
      }
    }
    await replaceFile(candidate, path);
  } catch (cause) {
    if (cause instanceof ImageGptError) throw cause;
    throw new CheckpointError(
      'output_not_writable',
      `Expected to write the ${precision} weights to ${dirname(path)}, but the system said ${systemSaid(cause)}. Set IGPT_CACHE to a writable folder with room for them.`,
      { cause },
    );
  } finally {
    await rm(folder, { recursive: true, force: true }).catch(() => {}); // the error before matters more
  }
  return openMade(path, checkpoint, precision);
}

async function openMade(path: string, checkpoint: Checkpoint, precision: DerivedPrecision): Promise<DerivedWeights> {
  const made = await openDerived(path, checkpoint, precision);
  if (made === undefined) throw new Error(`Expected ${path}, which was just written, but it is gone.`);
  return made;
}

/** The plan with a finer format for each matrix whose cosine, [n_layer x 4], is too low; undefined if there is none. */
export function finerPlan(plan: Plan, cosines: readonly number[]): Plan | undefined {
  let changed = false;
  const next = plan.map((block, layer) => {
    const formats = { ...block };
    matrixRoles.forEach((role, i) => {
      const cosine = cosines[layer * matrixRoles.length + i] ?? Number.NaN;
      if (cosine >= leastCosine || block[role] === 'f32') return;
      const next = finer[block[role]];
      // `unfolded` makes a difference only for matrices after a norm, whose gain can be folded.
      const folds = role === 'attention' || role === 'fc';
      formats[role] = next === 'int8-unfolded' && !folds ? finer[next] : next;
      changed = true;
    });
    return formats;
  });
  return changed ? next : undefined;
}
