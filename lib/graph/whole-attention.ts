import {
  fitsGroupQueryAttention,
  type Heads,
  headAttributes,
  maskedAttention,
  type Projections,
  separate,
} from './attention.ts';
import type { Batch } from './batch.ts';
import { addConstant, type Graph, nextValue, pushNode, type Value } from './graph.ts';
import { add, int32, matMul, matMulTransposed, reshape, softmax, transpose } from './operators.ts';

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
  if (attention === 'plain') return plainAttention(graph, projections, heads, length);
  if (!fitsGroupQueryAttention(heads)) return maskedAttention(graph, projections, heads);
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

/** softmax(q k^T / sqrt(dh) + mask) v, step by step. */
function plainAttention(graph: Graph, projections: Projections, heads: Heads, length: number): Value {
  const { n_embd: d, n_head: H } = heads;
  const [q = '', k = '', v = ''] = separate(graph, projections, heads).map((value) =>
    transpose(graph, reshape(graph, value, [0, 0, H, d / H]), SWAP_HEADS),
  );
  const scores = matMulTransposed(graph, q, k, 1 / Math.sqrt(d / H)); // [pictures, H, length, length]
  const shares = softmax(graph, add(graph, scores, causalMask(graph, length)));
  const mixed = transpose(graph, matMul(graph, shares, v), SWAP_HEADS); // [pictures, length, H, dh]
  return reshape(graph, mixed, [0, 0, d]);
}

/** [1, 1, length, length]: 0 at keys up to the query's place, out of reach beyond. */
function causalMask(graph: Graph, length: number): Value {
  const mask = new Float32Array(length * length);
  for (let query = 0; query < length; query++) mask.fill(HIDDEN, query * length + query + 1, (query + 1) * length);
  return addConstant(graph, 'causal mask', mask, [1, 1, length, length]);
}
