import { type Attribute, addConstant, addNode, type Graph, nextValue, pushNode, type Value } from './graph.ts';
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

/** Heads of one attention layer: dh = n_embd / n_head. */
export interface Heads {
  n_embd: number;
  n_head: number;
}

/** Queries, keys and values of one picture: packed [1, n, 3d] (q | k | v), or three [1, n, d]. */
export type Projections = { packed: Value } | { q: Value; k: Value; v: Value };

/** Attention of one layer, strip by strip of queries from the first on. */
export interface CausalAttention {
  /** [1, length, d] of the next `length` queries, over the keys up to each of them. */
  attend(projections: Projections, length: number): Value;
  /** Keys and values of all strips so far by head, [1, n_head, n, dh]. */
  readonly keys: Value;
  readonly values: Value;
}

/**
 * Positions that go through a layer together. Such a strip sees only the keys up to its end, so that nearly half of the
 * square of scores is never computed, and its activations stay in the processor's cache: of 128 to 1,024 the fastest
 * (S, one thread: 56 ms a layer, the whole picture at once 66), at a quarter of the memory.
 */
const STRIP = 256;

/** GroupQueryAttention takes only heads whose size is a multiple of this. */
const HEAD_SIZE_STEP = 8;

/**
 * An attention sink of weight exp(-1e30) = 0 changes no bit of the result, but with it onnxruntime 1.30 leaves out its
 * tiled kernel, which is slower here (S, one thread: 33 ms a layer).
 */
const NO_SINK = -1e30;

/**
 * softmax(q k^T / sqrt(dh)) v over the keys at or before each query (paper section 2.1; model.py, `attn`). The scale
 * is the true 1 / sqrt(dh): transformers' ImageGPT cuts the root to an integer, which is wrong for M and L.
 */
export function causalAttention(graph: Graph, heads: Heads): CausalAttention {
  const headSize = heads.n_embd / heads.n_head;
  let keys = addConstant(graph, 'no keys', new Float32Array(0), [1, heads.n_head, 0, headSize]);
  let values = keys;
  let total = 0;
  return {
    attend(projections, length) {
      total += length;
      const output = nextValue(graph, 'attention');
      const grown = { keys: nextValue(graph, 'keys'), values: nextValue(graph, 'values') };
      if (fitsGroupQueryAttention(heads)) {
        const qkv =
          'packed' in projections ? [projections.packed, '', ''] : [projections.q, projections.k, projections.v];
        const lastKey = addConstant(graph, `int32 [${total - 1}]`, Int32Array.of(total - 1), [1]);
        const sink = addConstant(graph, 'no sink', new Float32Array(heads.n_head).fill(NO_SINK), [heads.n_head]);
        pushNode(
          graph,
          'GroupQueryAttention',
          [...qkv, keys, values, lastKey, int32(graph, total), '', '', '', '', sink],
          [output, grown.keys, grown.values],
          { ...headAttributes(heads), kv_num_heads: { kind: 'int', value: heads.n_head } },
          'com.microsoft',
        );
      } else {
        pushMaskedAttention(graph, projections, heads, [output, grown.keys, grown.values]);
      }
      ({ keys, values } = grown);
      return output;
    },
    get keys() {
      return keys;
    },
    get values() {
      return values;
    },
  };
}

/** Lengths of the strips that n positions are taken in: as few as possible, as even as possible. */
export function stripLengths(heads: Heads, n: number): number[] {
  return fitsGroupQueryAttention(heads) ? evenStrips(n) : [n];
}

/** The same for any heads. */
export function evenStrips(n: number): number[] {
  const count = Math.ceil(n / STRIP);
  return Array.from({ length: count }, (_, i) => Math.floor(((i + 1) * n) / count) - Math.floor((i * n) / count));
}

/** The same over all keys, as BERT models see: [1, n, d]. */
export function fullAttention(graph: Graph, projections: Projections, heads: Heads): Value {
  const inputs = separate(graph, projections, heads);
  return addNode(graph, 'MultiHeadAttention', inputs, headAttributes(heads), 'com.microsoft');
}

/** Causal attention for any head size, but only of all queries at once; it computes the whole square of scores. */
function pushMaskedAttention(graph: Graph, projections: Projections, heads: Heads, outputs: readonly Value[]): void {
  const inputs = separate(graph, projections, heads);
  const attributes = { ...headAttributes(heads), unidirectional: { kind: 'int', value: 1 } } as const;
  pushNode(graph, 'MultiHeadAttention', inputs, outputs, attributes, 'com.microsoft');
}

/** Whether GroupQueryAttention takes heads of this size. */
export function fitsGroupQueryAttention({ n_embd, n_head }: Heads): boolean {
  return (n_embd / n_head) % HEAD_SIZE_STEP === 0;
}

/** Number of heads, and the true scale. */
export function headAttributes(heads: Heads): Record<string, Attribute> {
  return {
    num_heads: { kind: 'int', value: heads.n_head },
    scale: { kind: 'float', value: 1 / Math.sqrt(heads.n_embd / heads.n_head) },
  };
}

/** q, k and v apart, each [batch, n, d]. */
export function separate(graph: Graph, projections: Projections, { n_embd: d }: Heads): Value[] {
  if ('packed' in projections) return split(graph, projections.packed, [d, d, d], 2);
  return [projections.q, projections.k, projections.v];
}

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

/** Pictures that go through a graph side by side, each [n, d]; a graph without one takes a picture at a time, in strips. */
export interface Batch {
  pictures: number;
  /**
   * `fused` is onnxruntime's GroupQueryAttention where it fits: causal, heads of a multiple of 8. `plain` writes scores
   * with ordinary operators: slower and larger, but right wherever those are (WebGPU's fused kernel of 1.30 gave wrong
   * numbers on SwiftShader, the one adapter tried).
   */
  attention: 'fused' | 'plain';
}
