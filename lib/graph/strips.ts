import type { ImageGptConfig } from '../image-gpt/config.ts';
import { type Batch, causalAttention, stripLengths, wholeAttention } from './attention.ts';
import { embed, type Point, transformerBlock } from './block.ts';
import { addWeight, type Graph, type Value } from './graph.ts';
import { split } from './operators.ts';
import type { ImageGptWeights } from './weights.ts';

/** A run of positions, taken through the layers of an autoregressive model together; strips follow each other. */
export interface Strip extends Point {
  /** Positions. */
  length: number;
}

/** Positions of the shortest strip when `n` go through the layers: how many rows every matrix product has at least. */
export function shortestStrip(config: ImageGptConfig, n: number): number {
  return Math.min(...stripLengths(config, n));
}

/** h^0 of `n` positions in strips; `content` [batch, n, d]. */
export function embedStrips(
  graph: Graph,
  content: Value,
  n: number,
  config: ImageGptConfig,
  weights: ImageGptWeights,
  batch?: Batch,
): Strip[] {
  const lengths = batch === undefined ? stripLengths(config, n) : [n];
  const parts = split(graph, content, lengths, 1);
  let start = 0;
  return lengths.map((length, i) => {
    const positions = addWeight(graph, weights.wpe, { rows: { start, count: length } });
    start += length;
    return { length, ...embed(graph, parts[i] ?? '', positions, config, weights) };
  });
}

/** One block over all strips; also its keys and values by head, [1, n_head, n, dh]. */
export function causalLayer(
  graph: Graph,
  strips: readonly Strip[],
  layer: number,
  config: ImageGptConfig,
  weights: ImageGptWeights,
): { strips: Strip[]; keys: Value; values: Value } {
  const attention = causalAttention(graph, config);
  const next = strips.map((strip) => ({
    length: strip.length,
    ...transformerBlock(graph, strip, layer, config, weights, (projections) =>
      attention.attend(projections, strip.length),
    ),
  }));
  return { strips: next, keys: attention.keys, values: attention.values };
}

/** One block over whole pictures side by side, as GPUs like them. */
export function wholeLayer(
  graph: Graph,
  strip: Strip,
  layer: number,
  config: ImageGptConfig,
  weights: ImageGptWeights,
  batch: Batch,
): Strip {
  const { length } = strip;
  const point = transformerBlock(graph, strip, layer, config, weights, (projections) =>
    wholeAttention(graph, projections, config, { ...batch, length }),
  );
  return { length, ...point };
}
