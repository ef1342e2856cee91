import { type Attribute, addConstant, addNode, type Graph, nextValue, pushNode, type Value } from './graph.ts';
import { concat, int32, split } from './operators.ts';

/** Heads of one attention layer: dh = n_embd / n_head. */
export interface Heads {
  n_embd: number;
  n_head: number;
}

/** Queries, keys and values of one picture: packed [1, n, 3d] (q | k | v), or three [1, n, d]. */
export type Projections = { packed: Value } | { q: Value; k: Value; v: Value };

export interface CausalAttention {
  /** [1, n, d] */
  output: Value;
  /** By head, [1, n_head, n, dh]. */
  keys: Value;
  values: Value;
}

/**
 * Queries are taken so many at a time: a block sees only the keys up to its end, so that nearly half of the square of
 * scores is never computed. Of 64 to 1,024 the fastest on S and L (S, one thread: 12.7 ms a layer; whole 16.7).
 */
const QUERY_BLOCK = 256;

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
export function causalAttention(graph: Graph, projections: Projections, heads: Heads, n: number): CausalAttention {
  const headSize = heads.n_embd / heads.n_head;
  if (headSize % HEAD_SIZE_STEP !== 0) return maskedAttention(graph, projections, heads);

  const blocks = Array.from({ length: Math.ceil(n / QUERY_BLOCK) }, (_, i) =>
    Math.min(QUERY_BLOCK, n - i * QUERY_BLOCK),
  );
  const parts = splitBlocks(graph, projections, blocks);
  const empty = addConstant(graph, 'no keys', new Float32Array(0), [1, heads.n_head, 0, headSize]);
  const sink = addConstant(graph, 'no sink', new Float32Array(heads.n_head).fill(NO_SINK), [heads.n_head]);
  const outputs: Value[] = [];
  let keys = empty;
  let values = empty;
  let total = 0;
  for (const [i, length] of blocks.entries()) {
    total += length;
    const lastKey = addConstant(graph, `int32 [${total - 1}]`, Int32Array.of(total - 1), [1]);
    const inputs = [...(parts[i] ?? []), keys, values, lastKey, int32(graph, total), '', '', '', '', sink];
    const next = attentionValues(graph);
    pushNode(
      graph,
      'GroupQueryAttention',
      inputs,
      [next.output, next.keys, next.values],
      { ...headAttributes(heads), kv_num_heads: { kind: 'int', value: heads.n_head } },
      'com.microsoft',
    );
    outputs.push(next.output);
    ({ keys, values } = next);
  }
  return { output: concat(graph, outputs, 1), keys, values };
}

/** The same over all keys, as BERT models see: [1, n, d]. */
export function fullAttention(graph: Graph, projections: Projections, heads: Heads): Value {
  const inputs = separate(graph, projections, heads);
  return addNode(graph, 'MultiHeadAttention', inputs, headAttributes(heads), 'com.microsoft');
}

/** Causal attention for any head size; slower, as it computes the whole square of scores. */
function maskedAttention(graph: Graph, projections: Projections, heads: Heads): CausalAttention {
  const inputs = separate(graph, projections, heads);
  const next = attentionValues(graph);
  pushNode(
    graph,
    'MultiHeadAttention',
    inputs,
    [next.output, next.keys, next.values],
    { ...headAttributes(heads), unidirectional: { kind: 'int', value: 1 } },
    'com.microsoft',
  );
  return next;
}

function attentionValues(graph: Graph): CausalAttention {
  return {
    output: nextValue(graph, 'attention'),
    keys: nextValue(graph, 'keys'),
    values: nextValue(graph, 'values'),
  };
}

function headAttributes(heads: Heads): Record<string, Attribute> {
  return {
    num_heads: { kind: 'int', value: heads.n_head },
    scale: { kind: 'float', value: 1 / Math.sqrt(heads.n_embd / heads.n_head) },
  };
}

/** Query, key and value inputs of each block of queries; packed ones go in as one. */
function splitBlocks(graph: Graph, projections: Projections, blocks: readonly number[]): Value[][] {
  if ('packed' in projections) return split(graph, projections.packed, blocks, 1).map((part) => [part, '', '']);
  const [q, k, v] = [projections.q, projections.k, projections.v].map((value) => split(graph, value, blocks, 1));
  return blocks.map((_, i) => [q?.[i] ?? '', k?.[i] ?? '', v?.[i] ?? '']);
}

function separate(graph: Graph, projections: Projections, { n_embd: d }: Heads): Value[] {
  if ('packed' in projections) return split(graph, projections.packed, [d, d, d], 2);
  return [projections.q, projections.k, projections.v];
}
