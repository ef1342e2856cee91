import { attentionScale, type Heads, hiddenScore } from '../attention.ts';
import { evenly } from '../evenly.ts';
import { type Attribute, addConstant, addNode, type Graph, type Value } from '../graph.ts';
import { add, concat, int64s, multiply, negate, reshape, slice, softmax, split, transpose } from '../operators.ts';
import { record, type Tape } from './tape.ts';

/** Attention of one picture. */
export interface AttentionShape extends Heads {
  /** Positions. */
  n: number;
  /** Whether a query sees only the keys up to itself. */
  causal: boolean;
}

/** Queries and heads that are computed together, so that their scores nearly fit a core's cache. */
interface Block {
  heads: number;
  start: number;
  length: number;
  /** Number of keys that the block sees, from the first on. */
  keys: number;
  q: Value;
  k: Value;
  v: Value;
  shares: Value;
}

/**
 * Queries of a block. With a quarter of the positions, causal attention computes 5/8 of all scores. Fewer queries would
 * save more scores, but make more and slower products.
 */
function queriesOf(n: number): number {
  return Math.min(n, Math.max(fewestQueries, Math.ceil(n / 4)));
}

const fewestQueries = 128;

/**
 * Most bytes of scores in a block; a single head may take more. 2 MB, the size of the measured core's cache, is as fast
 * but doubles the nodes.
 */
const blockBytes = 2 ** 22;

/**
 * softmax(q k^T / sqrt(dh)) v for each head: q, k, v [n, d] -> [n, d]. Products read heads as they are stored, side by
 * side in a row (FusedMatMul's transBatch), so only results are transposed. The gradient keeps the shares
 * P = softmax(...): with D = rowsum(dO * O), dS = P * (dO v^T - D), dq = dS k, dk = dS^T q, dv = P^T dO.
 */
export function attention(tape: Tape, q: Value, k: Value, v: Value, shape: AttentionShape): Value {
  const { graph } = tape;
  const { n, n_embd, n_head: H } = shape;
  const headSize = n_embd / H;
  const groups = headGroups(shape);
  const byGroup = (value: Value): Value[] => split(graph, reshape(graph, value, [n, H, headSize]), groups, 1);
  const [queries, keys, values] = [byGroup(q), byGroup(k), byGroup(v)];
  const blocks = groups.map((heads, g) =>
    forwardBlocks(graph, heads, queries[g] ?? '', keys[g] ?? '', values[g] ?? '', shape),
  );
  const heads = blocks.map((group) =>
    concat(
      graph,
      group.map(({ output }) => output),
      1,
    ),
  ); // [heads, n, dh] each
  const output = toRows(graph, heads, shape);
  record(tape, [output], ([dOutput = ''], gradients) => {
    const products = reshape(graph, multiply(graph, dOutput, output), [n, H, headSize]);
    const sums = addNode(graph, 'ReduceSum', [products, int64s(graph, [2])], { keepdims: { kind: 'int', value: 1 } });
    // An extra column, -D in dO and 1 in v, makes one product give dO v^T - D.
    const lifted = concat(graph, [reshape(graph, dOutput, [n, H, headSize]), negate(graph, sums)], 2); // [n, H, dh + 1]
    const dOutputs = byGroup(dOutput);
    const liftedGroups = split(graph, lifted, groups, 1);
    const parts = blocks.map((group, g) =>
      backwardBlocks(graph, group, dOutputs[g] ?? '', liftedGroups[g] ?? '', shape),
    );
    gradients.add(q, toRows(graph, parts.map((part) => part.dq), shape)); // biome-ignore format: three alike
    gradients.add(k, toRows(graph, parts.map((part) => part.dk), shape)); // biome-ignore format: three alike
    gradients.add(v, toRows(graph, parts.map((part) => part.dv), shape)); // biome-ignore format: three alike
  });
  return output;
}

/** Sizes of the groups of heads that are computed together. */
export function headGroups({ n, n_head }: AttentionShape): number[] {
  const fit = Math.max(1, Math.floor(blockBytes / (4 * n * queriesOf(n))));
  return evenly(n_head, Math.ceil(n_head / fit));
}

function forwardBlocks(
  graph: Graph,
  heads: number,
  q: Value,
  k: Value,
  v: Value,
  shape: AttentionShape,
): (Block & { output: Value })[] {
  const { n, causal } = shape;
  const lengths = evenly(n, Math.ceil(n / queriesOf(n)));
  const parts = split(graph, q, lengths, 0);
  let start = 0;
  return lengths.map((length, i) => {
    const end = causal ? start + length : n;
    const block = {
      heads,
      start,
      length,
      keys: end,
      q: parts[i] ?? '',
      k: firstRows(graph, k, end, n),
      v: firstRows(graph, v, end, n),
    };
    const alpha = attentionScale(shape);
    const scores = product(graph, block.q, block.k, { alpha, transB: 1, ...both }); // [heads, length, keys]
    const shares = softmax(graph, causal ? add(graph, scores, causalMask(graph, start, length)) : scores);
    const output = product(graph, shares, block.v, { transBatchB: 1 }); // [heads, length, dh]
    start += length;
    return { ...block, shares, output };
  });
}

/** Gradients of one group of heads, [heads, n, dh] each. */
function backwardBlocks(
  graph: Graph,
  blocks: readonly Block[],
  dOutput: Value,
  lifted: Value,
  shape: AttentionShape,
): { dq: Value; dk: Value; dv: Value } {
  const { n, causal } = shape;
  const alpha = attentionScale(shape);
  const lengths = blocks.map(({ length }) => length);
  const dOutputs = split(graph, dOutput, lengths, 0);
  const lifts = split(graph, lifted, lengths, 0);
  const dq: Value[] = [];
  const dk = keySums(graph, n);
  const dv = keySums(graph, n);
  // Last block first: it sees all keys, and each earlier block sees fewer. So the sum of a key is complete once the
  // remaining blocks do not see it.
  for (const [i, block] of [...blocks.entries()].toReversed()) {
    const dO = dOutputs[i] ?? '';
    const one = addConstant(
      graph,
      `ones [${block.keys}, ${block.heads}, 1]`,
      new Float32Array(block.keys * block.heads).fill(1),
      [block.keys, block.heads, 1],
    );
    const values = concat(graph, [block.v, one], 2); // [keys, heads, dh + 1]
    const dShares = product(graph, lifts[i] ?? '', values, { transB: 1, ...both }); // [heads, length, keys]
    const dScores = multiply(graph, dShares, block.shares);
    dq.unshift(product(graph, dScores, block.k, { alpha, transBatchB: 1 }));
    const next = causal ? block.start : n;
    dk.add(product(graph, dScores, block.q, { alpha, transA: 1, transBatchB: 1 }), next); // [heads, keys, dh]
    dv.add(product(graph, block.shares, dO, { transA: 1, transBatchB: 1 }), next);
  }
  return { dq: concat(graph, dq, 1), dk: dk.whole(), dv: dv.whole() };
}

/** Sums [heads, keys, dh] of blocks, each of which sees at most as many keys as the one before. */
function keySums(graph: Graph, n: number) {
  let open: Value | undefined;
  let keys = n;
  const complete: Value[] = [];
  return {
    /** @param next number of keys that the remaining blocks see */
    add(part: Value, next: number): void {
      const total = open === undefined ? part : add(graph, open, part);
      if (next === keys || next === 0) {
        open = total;
        return;
      }
      const [head = '', tail = ''] = split(graph, total, [next, keys - next], 1);
      complete.unshift(tail);
      open = head;
      keys = next;
    },
    whole: (): Value => concat(graph, open === undefined ? complete : [open, ...complete], 1),
  };
}

const both = { transBatchA: 1, transBatchB: 1 } as const;

/**
 * A scaled product for every head. With transBatch, the factor is [rows, heads, columns] instead of [heads, rows,
 * columns].
 */
function product(
  graph: Graph,
  a: Value,
  b: Value,
  { alpha = 1, ...flags }: { alpha?: number; transA?: 1; transB?: 1; transBatchA?: 1; transBatchB?: 1 },
): Value {
  const attributes: Record<string, Attribute> = { alpha: { kind: 'float', value: alpha } };
  for (const [name, value] of Object.entries(flags)) attributes[name] = { kind: 'int', value };
  return addNode(graph, 'FusedMatMul', [a, b], attributes, 'com.microsoft');
}

/** Groups of heads [heads, n, dh] -> [n, d]. */
function toRows(graph: Graph, groups: readonly Value[], { n, n_embd }: AttentionShape): Value {
  return reshape(graph, transpose(graph, concat(graph, groups, 0), [1, 0, 2]), [n, n_embd]);
}

/** The first `rows` of `n` rows. */
function firstRows(graph: Graph, value: Value, rows: number, n: number): Value {
  return rows === n ? value : slice(graph, value, 0, rows, 0);
}

/** 0 where a query sees a key, else {@link hiddenScore}: queries [start, start + length), keys [0, start + length). */
function causalMask(graph: Graph, start: number, length: number): Value {
  const keys = start + length;
  const mask = new Float32Array(length * keys);
  for (let row = 0; row < length; row++) mask.fill(hiddenScore, row * keys + start + row + 1, (row + 1) * keys);
  return addConstant(graph, `causal [${length}, ${keys}]`, mask, [length, keys]);
}
