import type { ImageGptModel } from '../graph/forward-graph.ts';
import { featureNorms } from '../ports/model.ts';
import { openForward } from './forward.ts';

/** How much the channels of a layer's activations differ in size. */
export interface LayerOutliers {
  layer: number;
  /** Largest magnitude of the largest channel, divided by that of the median channel, in the residual stream. */
  raw: number;
  /** The same after the next norm with its gain. Without folded gains, int8 would round these values with one scale. */
  normed: number;
}

/**
 * Outlier channels of every layer for one picture, `tokens` [n]. Below 10 is harmless. From a few dozen on, 8 bits lose
 * the values of the other channels.
 *
 * @throws RuntimeError
 */
export async function findOutliers(model: ImageGptModel, tokens: Uint16Array): Promise<LayerOutliers[]> {
  const layers = Array.from({ length: model.config.n_layer + 1 }, (_, i) => i);
  const [raw = [], normed = []] = await Promise.all(
    featureNorms.map(async (norm) => {
      const forward = await openForward(model, { features: { layers, norm, pool: 'none' } });
      const outputs = await forward.execute(tokens).finally(forward.close);
      return channelRatios(outputs.get('features')?.data ?? new Float32Array(0), layers.length, model.config.n_embd);
    }),
  );
  return layers.map((layer) => ({ layer, raw: raw[layer] ?? Number.NaN, normed: normed[layer] ?? Number.NaN }));
}

/**
 * For each layer, the magnitude of the largest channel divided by that of the median one. `values` [rows, layers x d].
 */
export function channelRatios(values: Float32Array, layers: number, d: number): number[] {
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
