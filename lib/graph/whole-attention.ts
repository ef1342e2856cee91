import {
  evenStrips,
  fitsGroupQueryAttention,
  type Heads,
  headAttributes,
  type Projections,
  separate,
} from './attention.ts';
import type { Batch } from './batch.ts';
import { addConstant, type Graph, nextValue, pushNode, type Value } from './graph.ts';
import {
  concat,
  float32,
  int32,
  matMul,
  matMulTransposed,
  reshape,
  slice,
  softmax,
  split,
  transpose,
  where,
} from './operators.ts';

/** Of a score that must not count: exp of it is 0, also in 16 bits, where it is infinite. */
const HIDDEN = -1e30;

/** [batch, n, H, dh] <-> [batch, H, n, dh] */
const SWAP_HEADS = [0, 2, 1, 3];

/** Causal attention of whole pictures side by side, each of `length` tokens: [pictures, length, d]. */
export function wholeAttention(
  graph: Graph,
  projections: Projections,
  heads: Heads,
  { pictures, attention, length }: Batch & { length: number },
): Value {
  if (attention === 'plain' || !fitsGroupQueryAttention(heads)) {
    return plainAttention(graph, projections, heads, { length, causal: true });
  }
  const qkv = 'packed' in projections ? [projections.packed, '', ''] : [projections.q, projections.k, projections.v];
  const lastKeys = addConstant(graph, 'last keys', new Int32Array(pictures).fill(length - 1), [pictures]);
  const output = nextValue(graph, 'attention');
  // Without a cache, CUDA's kernel never writes the square of scores (flash attention, in 16 bits).
  pushNode(
    graph,
    'GroupQueryAttention',
    [...qkv, '', '', lastKeys, int32(graph, length)],
    [output, nextValue(graph, 'keys'), nextValue(graph, 'values')],
    { ...headAttributes(heads), kv_num_heads: { kind: 'int', value: heads.n_head } },
    'com.microsoft',
  );
  return output;
}

/**
 * softmax(q k^T / sqrt(dh)) v, step by step: [pictures, length, d], over the keys at or before each query, or over all.
 * Queries go strip by strip, so that a quarter of the square of scores is in memory at most (1,024 tokens).
 */
export function plainAttention(
  graph: Graph,
  projections: Projections,
  heads: Heads,
  { length, causal }: { length: number; causal: boolean },
): Value {
  const { n_embd: d, n_head: H } = heads;
  const [q = '', k = '', v = ''] = separate(graph, projections, heads).map((value) =>
    transpose(graph, reshape(graph, value, [0, 0, H, d / H]), SWAP_HEADS),
  );
  const strips = evenStrips(length);
  let end = 0;
  const mixed = split(graph, q, strips, 2).map((queries, i) => {
    const count = strips[i] ?? 0;
    end += count;
    const keys = causal ? end : length;
    const scores = matMulTransposed(graph, queries, upTo(graph, k, keys, length), 1 / Math.sqrt(d / H)); // [pictures, H, count, keys]
    // Where, not Add: onnxruntime fuses Add and Softmax into BiasSoftmax, whose CUDA kernel needs cuDNN.
    const seen = causal ? where(graph, causalMask(graph, count, keys), scores, float32(graph, HIDDEN)) : scores;
    return matMul(graph, softmax(graph, seen), upTo(graph, v, keys, length)); // [pictures, H, count, dh]
  });
  return reshape(graph, transpose(graph, concat(graph, mixed, 2), SWAP_HEADS), [0, 0, d]);
}

/** The first `count` of `length` keys or values by head, [pictures, H, count, dh]. */
function upTo(graph: Graph, value: Value, count: number, length: number): Value {
  return count === length ? value : slice(graph, value, 0, count, 2);
}

/** [1, 1, count, keys], for the last `count` queries: true at keys up to the query's place. */
function causalMask(graph: Graph, count: number, keys: number): Value {
  const first = keys - count;
  const mask = Array.from({ length: count * keys }, (_, i) => i % keys <= first + Math.floor(i / keys));
  return addConstant(graph, `causal mask ${count} ${keys}`, mask, [1, 1, count, keys]);
}
