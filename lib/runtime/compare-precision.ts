import { setImmediate } from 'node:timers/promises';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { ForwardRequest } from '../graph/forward-graph.ts';
import { type Forward, openForward } from './forward.ts';

/** How results in a number format differ from f32 on the same pictures. */
export interface PrecisionReport {
  pictures: number;
  /** Share of pictures with the same likeliest class; absent without a class head. */
  top1Agreement?: number | undefined;
  /**
   * Difference of the likelihood (nats per token): mean, and largest magnitude. Absent without lm_head and for BERT.
   */
  likelihoodShift?: { mean: number; largest: number } | undefined;
  /** Lowest cosine over the pictures, for layers 0 to n_layer: pooled features after the next norm. */
  featureCosines: number[];
  /** Median seconds per picture, one thread, all layers. */
  seconds: { f32: number; other: number };
}

interface PictureResult {
  features: Float32Array;
  top1: number | undefined;
  nats: number | undefined;
}

/**
 * Computes every picture [n] alternately in f32 and in the other format.
 *
 * @throws GraphError, RuntimeError
 */
export async function comparePrecision(
  exact: Checkpoint,
  other: Checkpoint,
  pictures: readonly Uint16Array[],
  onProgress: (done: number) => void = () => {},
): Promise<PrecisionReport> {
  const { n_layer, n_embd: d, objective } = exact.config;
  const request: ForwardRequest = {
    features: { layers: Array.from({ length: n_layer + 1 }, (_, i) => i), norm: 'next', pool: 'mean' },
    classes: exact.labels.length > 0,
    likelihood: exact.weights.lmHead !== undefined && objective === 'ar',
  };
  const forwards = [await openForward(exact, request), await openForward(other, request)] as const;
  const seconds: [number[], number[]] = [[], []];
  const featureCosines = new Array<number>(n_layer + 1).fill(1);
  let agreeing = 0;
  const shifts: number[] = [];
  try {
    const [warm] = pictures;
    if (warm !== undefined) for (const forward of forwards) await compute(forward, warm);
    for (const [i, tokens] of pictures.entries()) {
      const results: PictureResult[] = [];
      for (const [side, forward] of forwards.entries()) {
        const start = performance.now();
        results.push(await compute(forward, tokens));
        seconds[side === 0 ? 0 : 1].push((performance.now() - start) / 1000);
      }
      const [a, b] = results;
      if (a === undefined || b === undefined) continue;
      for (let layer = 0; layer <= n_layer; layer++) {
        const range = [layer * d, (layer + 1) * d] as const;
        const similarity = cosine(a.features.subarray(...range), b.features.subarray(...range));
        featureCosines[layer] = Math.min(featureCosines[layer] ?? 1, similarity);
      }
      if (a.top1 === b.top1) agreeing++;
      if (a.nats !== undefined && b.nats !== undefined) shifts.push(b.nats - a.nats);
      onProgress(i + 1);
      await setImmediate();
    }
  } finally {
    for (const forward of forwards) await forward.close();
  }
  return {
    pictures: pictures.length,
    top1Agreement: request.classes ? agreeing / pictures.length : undefined,
    likelihoodShift: request.likelihood
      ? {
          mean: shifts.reduce((sum, shift) => sum + shift, 0) / shifts.length,
          largest: Math.max(...shifts.map(Math.abs)),
        }
      : undefined,
    featureCosines,
    seconds: { f32: median(seconds[0]), other: median(seconds[1]) },
  };
}

async function compute(forward: Forward, tokens: Uint16Array): Promise<PictureResult> {
  const outputs = await forward.execute(tokens);
  const classes = outputs.get('classes')?.data;
  const likelihood = outputs.get('likelihood')?.data;
  return {
    features: outputs.get('features')?.data ?? new Float32Array(0),
    top1: classes?.indexOf(Math.max(...classes)),
    nats: likelihood && likelihood.reduce((sum, nats) => sum + nats, 0) / likelihood.length,
  };
}

/** Cosine of two vectors: 1 if they have the same direction. */
export function cosine(a: Float32Array, b: Float32Array): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (const [i, value] of a.entries()) {
    const other = b[i] ?? 0;
    ab += value * other;
    aa += value * value;
    bb += other * other;
  }
  return ab / Math.sqrt(aa * bb);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
