import type { ImageGptConfig } from '../../image-gpt/config.ts';
import { GraphError } from '../error.ts';
import { evenly } from '../evenly.ts';
import { differentiable } from '../gradient/activation.ts';
import { attention } from '../gradient/attention.ts';
import { crossEntropy, gatherRows, joined, linear, meanRows, pieces, rmsNorm, sum } from '../gradient/operators.ts';
import { createTape, recomputed, type Tape } from '../gradient/tape.ts';
import { addConstant, addInput, addNode, type Graph, type Value } from '../graph.ts';
import { concat, int32, reshape, shiftColumns, split, where } from '../operators.ts';
import type { BlockWeights, ImageGptWeights, Weight } from '../weights.ts';

/** The minimised loss: of next or masked tokens (`generative`), of the class head, or their sum (paper section 2.3). */
export type TrainingLoss = 'generative' | 'classification' | 'joint';

export interface TrainingForwardOptions {
  loss: TrainingLoss;
  /** Pictures of one execution. */
  batch: number;
  /** Layer 0..n_layer. The class head reads its features, pooled after the next norm. */
  headLayer: number;
  /** Keep only the residual stream between blocks and compute the other activations again for the gradients. */
  recompute: boolean;
}

export interface TrainingForward {
  tape: Tape;
  /** Scalars. Their sum is minimised. */
  losses: { generative?: Value; classification?: Value };
  /** -log p of every token [batch, n] (nats). */
  tokenLosses?: Value;
  /** [batch, C] before softmax. */
  classLogits?: Value;
}

/**
 * Bytes of the widest activations (n_inner) of a strip: two or three of them fit a core's cache (measured with 2 MB).
 */
const stripBytes = 2 ** 19;

/** Fewer rows make the products slower. */
const fewestRows = 256;

/**
 * The forward pass for training. Pictures are computed in strips of rows that stay in the cache. Inputs:
 *
 * - every weight, by its checkpoint name
 * - `tokens` int32 [batch, n], without SOS; for BERT models also `mask` bool [batch, n]
 * - for the generative loss: `token_weights` [batch x n], the weight of each token's loss
 * - for the class loss: `labels` int32 [batch] and `class_weights` [batch]
 *
 * @throws GraphError `output_unavailable`
 */
export function trainingForward(
  graph: Graph,
  config: ImageGptConfig,
  weights: ImageGptWeights,
  { loss, batch, headLayer, recompute }: TrainingForwardOptions,
): TrainingForward {
  const { n_positions: n, n_embd: d, n_layer: L, layer_norm_epsilon: epsilon } = config;
  const tape = createTape(graph);
  const rows = Math.max(fewestRows, Math.floor(stripBytes / (4 * config.n_inner)));
  const lengths = evenly(n, Math.ceil(n / rows));
  const stripsPerPicture = lengths.length;
  const allLengths = Array.from({ length: batch }, () => lengths).flat();
  const generative = loss !== 'classification';
  if (generative && weights.lmHead === undefined) {
    throw new GraphError(
      'output_unavailable',
      'Expected lm_head.weight for the generative loss, but this checkpoint lacks it. Train with the classification loss.',
    );
  }
  const tokens = addInput(graph, 'tokens', 'int32', [batch, n]);
  let strips = embedding(tape, tokens, allLengths, lengths, config, weights);
  const normed = (layer: number): Value[] => {
    const gain = parameter(graph, weights.blocks[layer]?.ln1 ?? weights.lnF);
    return strips.map((strip) => rmsNorm(tape, strip, gain, d, epsilon));
  };
  const losses: TrainingForward['losses'] = {};
  const result: TrainingForward = { tape, losses };
  const top = generative ? L : headLayer;
  for (let layer = 0; layer <= top; layer++) {
    if (layer === headLayer && loss !== 'generative') {
      const features = normed(layer);
      const pooled = picturesOf(features, stripsPerPicture).map((parts) =>
        meanRows(tape, joined(tape, parts, lengths, 0), n),
      );
      const ones = Array.from({ length: batch }, () => 1);
      const logits = classLogits(tape, joined(tape, pooled, ones, 0), batch, weights); // [batch, C]
      result.classLogits = logits;
      const labels = addInput(graph, 'labels', 'int32', [batch]);
      const shares = addInput(graph, 'class_weights', 'float32', [batch]);
      losses.classification = crossEntropy(tape, logits, labels, shares).loss;
    }
    if (layer === L || layer === top) break;
    const block = blockOf(tape, layer, config, weights);
    strips = picturesOf(strips, stripsPerPicture).flatMap((parts) =>
      recompute ? recomputed(tape, parts, block(lengths)) : block(lengths)(tape, parts),
    );
  }
  if (generative && weights.lmHead !== undefined) {
    const head = { weight: parameter(graph, weights.lmHead), transposed: true };
    const targets = split(graph, reshape(graph, tokens, [-1]), allLengths, 0);
    const shares = split(graph, addInput(graph, 'token_weights', 'float32', [batch * n]), allLengths, 0);
    const parts = normed(L).map((strip, i) => {
      const length = allLengths[i] ?? 0;
      const logits = linear(tape, strip, length, head); // [rows, V]
      return crossEntropy(tape, logits, targets[i] ?? '', shares[i] ?? '');
    });
    const [sums, each] = [parts.map((part) => part.loss), parts.map((part) => part.each)];
    losses.generative = addNode(graph, 'Sum', sums);
    result.tokenLosses = reshape(graph, concat(graph, each, 0), [batch, n]);
  }
  return result;
}

/** A weight as an input of the graph, named as in the checkpoint; `shape` may declare other dimensions. */
function parameter(graph: Graph, weight: Weight, shape: readonly number[] = weight.shape): Value {
  if (!graph.inputs.some(({ name }) => name === weight.name)) addInput(graph, weight.name, 'float32', shape);
  return weight.name;
}

/** h^0 in strips [rows, d]: a row of the embedding table for each position, plus the position's own embedding. */
function embedding(
  tape: Tape,
  tokens: Value,
  allLengths: readonly number[],
  lengths: readonly number[],
  { objective, n_colors: V, n_embd: d }: ImageGptConfig,
  weights: ImageGptWeights,
): Value[] {
  const { graph } = tape;
  const wte = parameter(graph, weights.wte);
  const size = weights.wte.shape[0] ?? 0;
  const [batch] = graph.inputs.find(({ name }) => name === tokens)?.shape ?? [];
  const n = lengths.reduce((total, length) => total + length, 0);
  let table = { rows: wte, size };
  let ids: Value;
  if (objective === 'bert') {
    // A masked token has embedding zero: an extra row of the table.
    const zero = addConstant(graph, `zeros [1, ${d}]`, new Float32Array(d), [1, d]);
    table = { rows: joined(tape, [wte, zero], [size, 1], 0), size: size + 1 };
    ids = where(graph, addInput(graph, 'mask', 'bool', [batch ?? 1, n]), int32(graph, size), tokens);
  } else {
    // Position 0 gets SOS, row V; position i > 0 gets token i - 1.
    if (weights.sos !== undefined) {
      table = { rows: joined(tape, [wte, parameter(graph, weights.sos, [1, d])], [size, 1], 0), size: size + 1 };
    }
    ids = shiftColumns(graph, tokens, 1, -1, int32(graph, V));
  }
  const positions = pieces(tape, parameter(graph, weights.wpe), lengths, 0);
  return split(graph, reshape(graph, ids, [-1]), allLengths, 0).map((indices, i) =>
    sum(
      tape,
      gatherRows(tape, table.rows, table.size, indices, allLengths[i] ?? 0),
      positions[i % positions.length] ?? '',
    ),
  );
}

/** One block over the strips of a picture (paper section 2.1): a = h + attention(ln_1(h)), h' = a + mlp(ln_2(a)). */
function blockOf(tape: Tape, layer: number, config: ImageGptConfig, weights: ImageGptWeights) {
  const { n_positions: n, n_embd: d, n_head, layer_norm_epsilon: epsilon } = config;
  const activation = differentiable[config.activation_function];
  const { graph } = tape;
  const block = weights.blocks[layer];
  if (block === undefined) throw new RangeError(`Expected block 0..${weights.blocks.length - 1}, received ${layer}`);
  const use = (weight: Weight, shape?: readonly number[]): Value => parameter(graph, weight, shape);
  const optional = (weight: Weight | undefined): Value | undefined => weight && use(weight);
  const [toQ, toK, toV] = projections(tape, block, d);
  const out = { weight: use(block.attentionProjection, [d, d]), bias: optional(block.attentionProjectionBias) };
  const fc = {
    weight: use(block.fc),
    bias: optional(block.fcBias),
    scale: activation.before,
    biasScale: activation.before,
  };
  const mlp = { weight: use(block.mlpProjection), bias: optional(block.mlpProjectionBias), scale: activation.after };
  const shape = { n, n_embd: d, n_head, causal: config.objective === 'ar' };

  return (lengths: readonly number[]) =>
    (inner: Tape, strips: readonly Value[]): Value[] => {
      const each = <T>(values: readonly Value[], apply: (value: Value, rows: number, i: number) => T): T[] =>
        values.map((value, i) => apply(value, lengths[i] ?? 0, i));
      const first = each(strips, (strip) => rmsNorm(inner, strip, use(block.ln1), d, epsilon));
      const [q = '', k = '', v = ''] = [toQ, toK, toV].map((to) => {
        const parts = each(first, (strip, rows) => linear(inner, strip, rows, to)); // [rows, d] each
        return joined(inner, parts, lengths, 0); // [n, d]
      });
      const heads = pieces(inner, attention(inner, q, k, v, shape), lengths, 0);
      return each(heads, (head, rows, i) => {
        const attended = sum(inner, linear(inner, head, rows, out), strips[i] ?? '');
        const second = rmsNorm(inner, attended, use(block.ln2), d, epsilon);
        const active = activation.apply(inner, linear(inner, second, rows, fc)); // [rows, n_inner]
        return sum(inner, linear(inner, active, rows, mlp), attended);
      });
    };
}

/** Matrices of queries, keys and values, [d, d] each. Hugging Face's packed matrix [d, 3d] is split. */
function projections(tape: Tape, { attention: input }: BlockWeights, d: number) {
  const thirds = [d, d, d];
  if (input.layout === 'split') {
    const weights = [input.q, input.k, input.v].map((weight) => parameter(tape.graph, weight, [d, d])); // out x in
    const biases = input.bias && pieces(tape, parameter(tape.graph, input.bias), thirds, 0);
    const matrix = (i: number) => ({ weight: weights[i] ?? '', transposed: true, bias: biases?.[i] });
    return [matrix(0), matrix(1), matrix(2)] as const;
  }
  const matrices = pieces(tape, parameter(tape.graph, input.weight), thirds, 1);
  const biases = input.bias && pieces(tape, parameter(tape.graph, input.bias), thirds, 0);
  const matrix = (i: number) => ({ weight: matrices[i] ?? '', transposed: false, bias: biases?.[i] });
  return [matrix(0), matrix(1), matrix(2)] as const;
}

function classLogits(tape: Tape, features: Value, batch: number, { score }: ImageGptWeights): Value {
  if (score === undefined) {
    throw new GraphError(
      'output_unavailable',
      'Expected score.weight for the class loss, but this checkpoint lacks it. Give the number of classes for a new head.',
    );
  }
  return linear(tape, features, batch, { weight: parameter(tape.graph, score), transposed: true });
}

/** The strips of each picture. */
function picturesOf(strips: readonly Value[], stripsPerPicture: number): Value[][] {
  return Array.from({ length: strips.length / stripsPerPicture }, (_, i) =>
    strips.slice(i * stripsPerPicture, (i + 1) * stripsPerPicture),
  );
}
