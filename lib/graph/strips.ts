import type { ImageGptConfig } from '../image-gpt/config.ts';
import {
  type Batch,
  causalAttention,
  fitsGroupQueryAttention,
  fullAttention,
  fusedAttention,
  type Projections,
  stripLengths,
} from './attention.ts';
import { embed, type Point, plainAttention, transformerBlock } from './block.ts';
import { addWeight, type Graph, type Value } from './graph.ts';
import { split } from './operators.ts';
import type { ImageGptWeights } from './weights.ts';

/** Consecutive positions that go through the layers together. */
export interface Strip extends Point {
  /** Positions. */
  length: number;
}

/** Length of the shortest strip of `n` positions: the fewest rows of any matrix product. */
export function shortestStrip(config: ImageGptConfig, n: number): number {
  return Math.min(...stripLengths(config, n));
}

/** h^0 of `n` positions in strips; `content` [batch, n, d]. A batch stays whole. */
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

/** One causal block over all strips of a picture; also its keys and values by head, [1, n_head, n, dh]. */
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

/** One block over whole pictures: any model on a GPU, or a BERT model. */
export function wholeLayer(
  graph: Graph,
  strip: Strip,
  layer: number,
  config: ImageGptConfig,
  weights: ImageGptWeights,
  batch: Batch | undefined,
): Strip {
  const { length } = strip;
  const point = transformerBlock(graph, strip, layer, config, weights, (projections) =>
    wholeAttention(graph, projections, length, config, batch),
  );
  return { length, ...point };
}

/** Attention of whole pictures, by the fastest kernel that is right for them: [batch, length, d]. */
function wholeAttention(
  graph: Graph,
  projections: Projections,
  length: number,
  config: ImageGptConfig,
  batch: Batch | undefined,
): Value {
  const causal = config.objective === 'ar';
  if (batch === undefined && !causal) return fullAttention(graph, projections, config);
  if (batch?.attention === 'fused' && causal && fitsGroupQueryAttention(config)) {
    return fusedAttention(graph, projections, config, { pictures: batch.pictures, length });
  }
  return plainAttention(graph, projections, config, { length, causal });
}
