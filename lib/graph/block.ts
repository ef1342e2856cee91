import type { ImageGptConfig } from '../image-gpt/config.ts';
import type { Projections } from './attention.ts';
import { addWeight, type Graph, type Value } from './graph.ts';
import { add, addAndNorm, matMul, matMulTransposed, quickGelu } from './operators.ts';
import { multiplyProjection } from './projection.ts';
import type { BlockWeights, ImageGptWeights } from './weights.ts';

/** The residual stream between two blocks. */
export interface Point {
  /** h^l [batch, n, d], before any norm. */
  raw: Value;
  /** After the next norm: ln_1 of block l, at the top ln_f. */
  next: Value;
}

/** Attention over the heads, from queries, keys and values to [batch, n, d]. */
type Attention = (projections: Projections) => Value;

/** h^0 = `content` [batch, n, d] + `positions` [n, d], and its norm. */
export function embed(
  graph: Graph,
  content: Value,
  positions: Value,
  config: ImageGptConfig,
  weights: ImageGptWeights,
): Point {
  const gain = addWeight(graph, nextGain(weights, 0));
  const { sum, norm } = addAndNorm(graph, content, positions, gain, undefined, config.layer_norm_epsilon);
  return { raw: sum, next: norm };
}

/**
 * One block (paper section 2.1, model.py `block`): a = h + attention(ln_1(h)), h' = a + mlp(ln_2(a)). Each sum is
 * taken together with the norm that follows it, so that the residual stream is read and written once.
 */
export function transformerBlock(
  graph: Graph,
  point: Point,
  layer: number,
  config: ImageGptConfig,
  weights: ImageGptWeights,
  attention: Attention,
): Point {
  const { n_embd: d, layer_norm_epsilon: epsilon } = config;
  const block = blockAt(weights, layer);
  const heads = attention(project(graph, point.next, block, d));
  const { quantized } = block;
  const attended = quantized
    ? multiplyProjection(graph, heads, quantized.attentionProjection)
    : matMul(graph, heads, addWeight(graph, block.attentionProjection, { shape: [d, d] }));
  const middle = addAndNorm(
    graph,
    attended,
    point.raw,
    addWeight(graph, block.ln2),
    optional(graph, block.attentionProjectionBias),
    epsilon,
  );
  const hidden = quantized
    ? multiplyProjection(graph, middle.norm, quantized.fc)
    : matMul(graph, middle.norm, addWeight(graph, block.fc)); // [batch, n, n_inner]
  const active = quickGelu(graph, block.fcBias ? add(graph, hidden, addWeight(graph, block.fcBias)) : hidden);
  const out = quantized
    ? multiplyProjection(graph, active, quantized.mlpProjection)
    : matMul(graph, active, addWeight(graph, block.mlpProjection)); // [batch, n, d]
  const { sum, norm } = addAndNorm(
    graph,
    out,
    middle.sum,
    addWeight(graph, nextGain(weights, layer + 1)),
    optional(graph, block.mlpProjectionBias),
    epsilon,
  );
  return { raw: sum, next: norm };
}

/** Queries, keys and values [batch, n, d] each; Hugging Face's packed matrix gives them side by side. */
function project(graph: Graph, normed: Value, block: BlockWeights, d: number): Projections {
  const { attention, quantized } = block;
  if (attention.layout === 'packed') {
    const packed = quantized
      ? multiplyProjection(graph, normed, quantized.attention)
      : matMul(graph, normed, addWeight(graph, attention.weight)); // [batch, n, 3d]
    return { packed: attention.bias ? add(graph, packed, addWeight(graph, attention.bias)) : packed };
  }
  if (quantized) return { packed: multiplyProjection(graph, normed, quantized.attention) };
  const shape = [d, d]; // [H, dh, d]: the heads one below the other, out x in
  return {
    q: matMulTransposed(graph, normed, addWeight(graph, attention.q, { shape })),
    k: matMulTransposed(graph, normed, addWeight(graph, attention.k, { shape })),
    v: matMulTransposed(graph, normed, addWeight(graph, attention.v, { shape })),
  };
}

/** Gain of the norm that h^l meets next. */
function nextGain(weights: ImageGptWeights, layer: number) {
  return layer === weights.blocks.length ? weights.lnF : blockAt(weights, layer).ln1;
}

function blockAt(weights: ImageGptWeights, layer: number): BlockWeights {
  const block = weights.blocks[layer];
  if (block === undefined) throw new RangeError(`Expected block 0..${weights.blocks.length - 1}, received ${layer}`);
  return block;
}

function optional(graph: Graph, weight: BlockWeights['fcBias']): Value | undefined {
  return weight && addWeight(graph, weight);
}
