import type { ImageGptModel } from '../graph/forward-graph.ts';
import { featureNorms } from '../ports/model.ts';
import { openForward } from './forward.ts';

/** How uneven the channels of a layer's activations are. */
export interface LayerOutliers {
  layer: number;
  /** Largest magnitude of the worst channel over that of the middle one, in the residual stream. */
  raw: number;
  /** The same after the next norm, gain included: what int8 would round with one scale if no gain were folded. */
  normed: number;
}

/**
 * Outlier channels of every layer on one picture, `tokens` [n]: below 10 is even; from some dozens on, 8 bits lose what
 * the other channels say.
 *
 * @throws RuntimeError
 */
export async function findOutliers(model: ImageGptModel, tokens: Uint16Array): Promise<LayerOutliers[]> {
  const layers = Array.from({ length: model.config.n_layer + 1 }, (_, i) => i);
  const [raw = [], normed = []] = await Promise.all(
    featureNorms.map(async (norm) => {
      const forward = await openForward(model, { features: { layers, norm, pool: 'none' } });
      const outputs = await forward.run(tokens).finally(forward.close);
      return unevenness(outputs.get('features')?.data ?? new Float32Array(0), layers.length, model.config.n_embd);
    }),
  );
  return layers.map((layer) => ({ layer, raw: raw[layer] ?? Number.NaN, normed: normed[layer] ?? Number.NaN }));
}

/** Of each layer the largest magnitude of a channel, worst over middle. `values` [rows, layers x d]. */
export function unevenness(values: Float32Array, layers: number, d: number): number[] {
  const most = new Float32Array(layers * d);
  for (const [i, value] of values.entries()) {
    const channel = i % most.length;
    most[channel] = Math.max(most[channel] ?? 0, Math.abs(value));
  }
  return Array.from({ length: layers }, (_, layer) => {
    const sorted = most.slice(layer * d, (layer + 1) * d).sort();
    return (sorted.at(-1) ?? 0) / (sorted[d >> 1] ?? 1);
  });
}
