import { evenly } from './evenly.ts';
import { type Attribute, addConstant, addNode, type Graph, nextValue, pushNode, type Value } from './graph.ts';
import { int32, split } from './operators.ts';

/** Heads of an attention layer. The size of a head is dh = n_embd / n_head. */
export interface Heads {
  n_embd: number;
  n_head: number;
}

/** Queries, keys and values: packed [batch, n, 3d] (q | k | v), or three [batch, n, d]. */
export type Projections = { packed: Value } | { q: Value; k: Value; v: Value };

/** Pictures that go through a graph together, each [n, d]. A graph without a batch takes one picture, in strips. */
export interface Batch {
  pictures: number;
  /**
   * `fused` is onnxruntime's GroupQueryAttention where it fits (causal, head size a multiple of 8). `plain` uses
   * ordinary operators: slower and larger, but right on every provider. (The fused kernel of onnxruntime 1.30 for
   * WebGPU gave wrong numbers on SwiftShader, the only adapter tried.)
   */
  attention: 'fused' | 'plain';
}

/**
 * Factor of q k^T: 1 / sqrt(dh). transformers 4.57 to 5.18 truncate the root to an integer, which is wrong for M and L
 * (dh = 128 and 96); 5.24 does not.
 */
export function attentionScale({ n_embd, n_head }: Heads): number {
  return 1 / Math.sqrt(n_embd / n_head);
}

/** A score that must not count: its exponential is exactly 0, also in 16 bits, where the score is -infinity. */
export const hiddenScore = -1e30;

/**
 * Positions that go through a layer together. A strip sees only the keys up to its end, so nearly half of all scores
 * are never computed. Its activations stay in the processor's cache. Among 128 to 1,024, 256 is the fastest (S, one
 * thread: 56 ms a layer, against 66 ms for the whole picture) and takes a quarter of the memory.
 */
const stripLength = 256;

/** GroupQueryAttention accepts head sizes that are multiples of this. */
const headSizeStep = 8;

/** Causal attention of one layer. Strips are passed in order, from the first position on. */
export interface CausalAttention {
  /** Attention of the next `length` queries, each over the keys up to itself: [1, length, d]. */
  attend(projections: Projections, length: number): Value;
  /** Keys and values of all strips so far, by head: [1, n_head, n, dh]. */
  readonly keys: Value;
  readonly values: Value;
}

/** Causal attention of one picture on the CPU, strip by strip. */
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
        const lastKey = addConstant(graph, `int32 [${total - 1}]`, Int32Array.of(total - 1), [1]);
        // A sink of weight exp(hiddenScore) = 0 changes no bit of the result. It makes onnxruntime 1.30 skip its tiled
        // kernel, which is slower here.
        const sink = addConstant(graph, 'no sink', new Float32Array(heads.n_head).fill(hiddenScore), [heads.n_head]);
        pushNode(
          graph,
          'GroupQueryAttention',
          [...packedInputs(projections), keys, values, lastKey, int32(graph, total), '', '', '', '', sink],
          [output, grown.keys, grown.values],
          groupQueryAttributes(heads),
          'com.microsoft',
        );
      } else {
        // MultiHeadAttention takes any head size, but needs all queries at once, and computes every score.
        pushNode(
          graph,
          'MultiHeadAttention',
          separate(graph, projections, heads),
          [output, grown.keys, grown.values],
          { ...headAttributes(heads), unidirectional: { kind: 'int', value: 1 } },
          'com.microsoft',
        );
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

/** Causal attention of whole pictures on a GPU, each of `length` tokens: [pictures, length, d]. */
export function fusedAttention(
  graph: Graph,
  projections: Projections,
  heads: Heads,
  { pictures, length }: { pictures: number; length: number },
): Value {
  const lastKeys = addConstant(graph, 'last keys', new Int32Array(pictures).fill(length - 1), [pictures]);
  const output = nextValue(graph, 'attention');
  // Without a cache, CUDA's kernel never stores the scores (flash attention, in 16 bits).
  pushNode(
    graph,
    'GroupQueryAttention',
    [...packedInputs(projections), '', '', lastKeys, int32(graph, length)],
    [output, nextValue(graph, 'keys'), nextValue(graph, 'values')],
    groupQueryAttributes(heads),
    'com.microsoft',
  );
  return output;
}

/** Attention of one picture of a BERT model on the CPU, over all keys: [1, n, d]. */
export function fullAttention(graph: Graph, projections: Projections, heads: Heads): Value {
  const inputs = separate(graph, projections, heads);
  return addNode(graph, 'MultiHeadAttention', inputs, headAttributes(heads), 'com.microsoft');
}

/** Lengths of the strips for `n` positions on the CPU. */
export function stripLengths(heads: Heads, n: number): number[] {
  return fitsGroupQueryAttention(heads) ? evenStrips(n) : [n];
}

/** `n` positions in as few strips as possible, of nearly the same length. */
export function evenStrips(n: number): number[] {
  return evenly(n, Math.ceil(n / stripLength));
}

/** Whether GroupQueryAttention accepts heads of this size. */
export function fitsGroupQueryAttention({ n_embd, n_head }: Heads): boolean {
  return (n_embd / n_head) % headSizeStep === 0;
}

/** Queries, keys and values as three values, each [batch, n, d]. */
export function separate(graph: Graph, projections: Projections, { n_embd: d }: Heads): Value[] {
  if ('packed' in projections) return split(graph, projections.packed, [d, d, d], 2);
  return [projections.q, projections.k, projections.v];
}

/** The first three inputs of GroupQueryAttention, which also takes q, k and v packed in the first. */
function packedInputs(projections: Projections): Value[] {
  return 'packed' in projections ? [projections.packed, '', ''] : [projections.q, projections.k, projections.v];
}

function headAttributes(heads: Heads): Record<string, Attribute> {
  return {
    num_heads: { kind: 'int', value: heads.n_head },
    scale: { kind: 'float', value: attentionScale(heads) },
  };
}

function groupQueryAttributes(heads: Heads): Record<string, Attribute> {
  return { ...headAttributes(heads), kv_num_heads: { kind: 'int', value: heads.n_head } };
}
