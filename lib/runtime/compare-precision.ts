import { setImmediate } from 'node:timers/promises';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { ForwardRequest } from '../graph/forward-graph.ts';
import { type Forward, openForward } from './forward.ts';

/** What a number format does to a model's results, against f32 on the same pictures. */
export interface PrecisionReport {
  pictures: number;
  /** Share of pictures whose likeliest class is the same; absent without a class head. */
  top1Agreement?: number;
  /** Of the likelihood, nats per token: mean, and the largest of a picture. Absent without an output matrix or for BERT. */
  likelihoodShift?: { mean: number; largest: number };
  /** Lowest over the pictures, of layers 0 to n_layer: pooled features after the next norm. */
  featureCosines: number[];
  /** Seconds a picture, one thread, all layers; medians of turns. */
  seconds: { f32: number; other: number };
}

interface Seen {
  features: Float32Array;
  top1: number | undefined;
  nats: number | undefined;
}

/**
 * Runs every picture [n] in f32 and in the other format, in turns.
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
    if (warm !== undefined) for (const forward of forwards) await see(forward, warm);
    for (const [i, tokens] of pictures.entries()) {
      const seen: Seen[] = [];
      for (const [side, forward] of forwards.entries()) {
        const start = performance.now();
        seen.push(await see(forward, tokens));
        seconds[side === 0 ? 0 : 1].push((performance.now() - start) / 1000);
      }
      const [a, b] = seen;
      if (a === undefined || b === undefined) continue;
      for (let layer = 0; layer <= n_layer; layer++) {
        const range = [layer * d, (layer + 1) * d] as const;
        const found = cosine(a.features.subarray(...range), b.features.subarray(...range));
        featureCosines[layer] = Math.min(featureCosines[layer] ?? 1, found);
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
    ...(request.classes && { top1Agreement: agreeing / pictures.length }),
    ...(request.likelihood && {
      likelihoodShift: {
        mean: shifts.reduce((sum, shift) => sum + shift, 0) / shifts.length,
        largest: Math.max(...shifts.map(Math.abs)),
      },
    }),
    featureCosines,
    seconds: { f32: median(seconds[0]), other: median(seconds[1]) },
  };
}

async function see(forward: Forward, tokens: Uint16Array): Promise<Seen> {
  const outputs = await forward.run(tokens);
  const classes = outputs.get('classes')?.data;
  const likelihood = outputs.get('likelihood')?.data;
  return {
    features: outputs.get('features')?.data ?? new Float32Array(0),
    top1: classes?.indexOf(Math.max(...classes)),
    nats: likelihood && likelihood.reduce((sum, nats) => sum + nats, 0) / likelihood.length,
  };
}

/** Of two vectors; 1 where both are the same direction. */
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
