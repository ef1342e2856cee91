import type { ImageGptConfig } from '../image-gpt/config.ts';
import { attentionScale, evenStrips, type Heads, hiddenScore, type Projections, separate } from './attention.ts';
import { addConstant, addWeight, type Graph, type Value } from './graph.ts';
import {
  activate,
  add,
  addAndNorm,
  concat,
  float32,
  matMul,
  matMulTransposed,
  reshape,
  slice,
  softmax,
  split,
  transpose,
  where,
} from './operators.ts';
import { multiplyProjection } from './projection.ts';
import type { BlockWeights, ImageGptWeights, Projection, Weight } from './weights.ts';

/** The residual stream between two blocks. */
export interface Point {
  /** h^l [batch, n, d], before any norm. */
  raw: Value;
  /** h^l after the norm that follows: ln_1 of block l, or ln_f after the last block. */
  next: Value;
}

/**
 * One block (paper section 2.1; model.py, `block`): a = h + attention(ln_1(h)), h' = a + mlp(ln_2(a)). Each sum is
 * computed together with the norm that follows it, so the residual stream is read and written once.
 */
export function transformerBlock(
  graph: Graph,
  h: Point,
  layer: number,
  { n_embd: d, activation_function, layer_norm_epsilon: epsilon }: ImageGptConfig,
  weights: ImageGptWeights,
  attention: (projections: Projections) => Value,
): Point {
  const block = blockAt(weights, layer);
  const { quantized } = block;
  const qkv = project(graph, h.next, block, d); // q, k, v: [batch, n, d] each
  const mixed = attention(qkv); // [batch, n, d]
  const out = product(graph, mixed, block.attentionProjection, quantized?.attentionProjection, [d, d]); // [batch, n, d]
  const a = residual(graph, out, h.raw, block.ln2, block.attentionProjectionBias, epsilon); // a, ln_2(a): [batch, n, d]
  const hidden = product(graph, a.norm, block.fc, quantized?.fc); // [batch, n, n_inner]
  const active = activate(graph, addBias(graph, hidden, block.fcBias), activation_function); // [batch, n, n_inner]
  const mlp = product(graph, active, block.mlpProjection, quantized?.mlpProjection); // [batch, n, d]
  const gain = nextGain(weights, layer + 1); // [d]
  const next = residual(graph, mlp, a.sum, gain, block.mlpProjectionBias, epsilon); // h', its norm: [batch, n, d]
  return { raw: next.sum, next: next.norm };
}

/**
 * Attention (paper section 2.1; model.py, `attn`): softmax(q k^T / sqrt(dh)) v for each head, over the keys up to each
 * query, or over all keys (BERT models). This is the definition in ordinary operators; the kernels in attention.ts
 * compute the same. Queries go strip by strip, so at most a quarter of the scores are in memory (1,024 tokens).
 */
export function plainAttention(
  graph: Graph,
  projections: Projections,
  heads: Heads,
  { length, causal }: { length: number; causal: boolean },
): Value {
  const { n_embd: d, n_head: H } = heads;
  const byHead = (value: Value) => transpose(graph, reshape(graph, value, [0, 0, H, d / H]), swapHeads);
  const [q = '', k = '', v = ''] = separate(graph, projections, heads).map(byHead); // [batch, H, length, dh] each
  const strips = evenStrips(length);
  let end = 0;
  const mixed = split(graph, q, strips, 2).map((queries, i) => {
    const count = strips[i] ?? 0;
    end += count;
    const keys = causal ? end : length;
    const seenKeys = upTo(graph, k, keys, length); // [batch, H, keys, dh]
    const scores = matMulTransposed(graph, queries, seenKeys, attentionScale(heads)); // [batch, H, count, keys]
    // Where, not Add: onnxruntime fuses Add and Softmax into BiasSoftmax, whose CUDA kernel needs cuDNN.
    const masked = causal ? where(graph, causalMask(graph, count, keys), scores, float32(graph, hiddenScore)) : scores;
    const shares = softmax(graph, masked); // [batch, H, count, keys]
    return matMul(graph, shares, upTo(graph, v, keys, length)); // [batch, H, count, dh]
  });
  return reshape(graph, transpose(graph, concat(graph, mixed, 2), swapHeads), [0, 0, d]); // [batch, length, d]
}

/** h^0 = `content` [batch, n, d] + `positions` [n, d], and its norm. */
export function embed(
  graph: Graph,
  content: Value,
  positions: Value,
  { layer_norm_epsilon: epsilon }: ImageGptConfig,
  weights: ImageGptWeights,
): Point {
  const { sum, norm } = residual(graph, content, positions, nextGain(weights, 0), undefined, epsilon);
  return { raw: sum, next: norm };
}

/** Queries, keys and values [batch, n, d] each. Hugging Face's packed matrix gives them side by side. */
function project(graph: Graph, normed: Value, { attention, quantized }: BlockWeights, d: number): Projections {
  if (attention.layout === 'packed') {
    const packed = product(graph, normed, attention.weight, quantized?.attention); // [batch, n, 3d]
    return { packed: addBias(graph, packed, attention.bias) };
  }
  const { bias } = attention;
  if (quantized) return { packed: addBias(graph, multiplyProjection(graph, normed, quantized.attention), bias) };
  const part = (weight: Weight, i: number): Value => {
    const shape = [d, d]; // [H, dh, d]: the heads below each other, out x in
    const value = matMulTransposed(graph, normed, addWeight(graph, weight, { shape }));
    return bias ? add(graph, value, addWeight(graph, bias, { rows: { start: i * d, count: d } })) : value;
  };
  return { q: part(attention.q, 0), k: part(attention.k, 1), v: part(attention.v, 2) };
}

/** `input` [batch, n, k] x `weight` [k, columns] -> [batch, n, columns]. If given, `quantized` replaces `weight`. */
function product(
  graph: Graph,
  input: Value,
  weight: Weight,
  quantized: Projection | undefined,
  shape: readonly number[] = weight.shape,
): Value {
  return quantized
    ? multiplyProjection(graph, input, quantized)
    : matMul(graph, input, addWeight(graph, weight, { shape }));
}

function addBias(graph: Graph, value: Value, bias: Weight | undefined): Value {
  return bias ? add(graph, value, addWeight(graph, bias)) : value;
}

/** The sum of `value`, `stream` and `bias`, and its norm with `gain`. */
function residual(
  graph: Graph,
  value: Value,
  stream: Value,
  gain: Weight,
  bias: Weight | undefined,
  epsilon: number,
): { sum: Value; norm: Value } {
  return addAndNorm(graph, value, stream, addWeight(graph, gain), bias && addWeight(graph, bias), epsilon);
}

/** Gain of the norm that follows h^layer. */
function nextGain(weights: ImageGptWeights, layer: number): Weight {
  return layer === weights.blocks.length ? weights.lnF : blockAt(weights, layer).ln1;
}

function blockAt(weights: ImageGptWeights, layer: number): BlockWeights {
  const block = weights.blocks[layer];
  if (block === undefined) throw new RangeError(`Expected block 0..${weights.blocks.length - 1}, received ${layer}`);
  return block;
}

/** Order of axes: [batch, n, H, dh] <-> [batch, H, n, dh]. */
const swapHeads = [0, 2, 1, 3];

/** The first `count` of `length` keys or values by head: [batch, H, count, dh]. */
function upTo(graph: Graph, value: Value, count: number, length: number): Value {
  return count === length ? value : slice(graph, value, 0, count, 2);
}

/** For the last `count` queries [1, 1, count, keys]: true at the keys up to the query's position. */
function causalMask(graph: Graph, count: number, keys: number): Value {
  const name = `causal mask ${count} ${keys}`;
  if (graph.initializers.has(name)) return name;
  const first = keys - count;
  const mask = Array.from({ length: count * keys }, (_, i) => i % keys <= first + Math.floor(i / keys));
  return addConstant(graph, name, mask, [1, 1, count, keys]);
}
