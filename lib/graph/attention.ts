import { type Attribute, addConstant, addNode, type Graph, nextValue, pushNode, type Value } from './graph.ts';
import { int32, split } from './operators.ts';

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
