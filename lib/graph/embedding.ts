import type { ImageGptConfig } from '../image-gpt/config.ts';
import { GraphError } from './error.ts';
import { addConstant, addWeight, type Graph, type Value } from './graph.ts';
import { float32, gatherRows, int32, matMulTransposed, shiftColumns, unsqueeze, where } from './operators.ts';
import type { ImageGptWeights } from './weights.ts';

/**
 * Content vectors [1, n, d] of an autoregressive model (paper section 2.1): position 0 sees SOS, position i > 0 sees
 * token i - 1, so the last token never enters. `tokens` is int32 [1, n], without SOS.
 */
export function shiftedEmbedding(
  graph: Graph,
  tokens: Value,
  config: ImageGptConfig,
  weights: ImageGptWeights,
  n: number,
): Value {
  const table = addWeight(graph, weights.wte);
  if (weights.sos === undefined) {
    return gatherRows(graph, table, shiftColumns(graph, tokens, 1, -1, int32(graph, config.n_colors))); // SOS: row V
  }
  const content = gatherRows(graph, table, shiftColumns(graph, tokens, 1, -1, int32(graph, 0))); // [1, n, d]
  const first = addConstant(
    graph,
    'first position',
    Array.from({ length: n }, (_, i) => i === 0),
    [n, 1],
  );
  return where(graph, first, addWeight(graph, weights.sos), content);
}

/** Content vectors [1, n, d] of a BERT model: neither SOS nor shift; zero where `mask` (bool [1, n]) is true. */
export function maskedEmbedding(graph: Graph, tokens: Value, mask: Value, weights: ImageGptWeights): Value {
  const content = gatherRows(graph, addWeight(graph, weights.wte), tokens); // [1, n, d]
  return where(graph, unsqueeze(graph, mask, 2), float32(graph, 0), content);
}

/**
 * What each position expects, [b, n, V], from the residual stream after ln_f, [b, n, d]. The output matrix is its own,
 * not the embedding's, and has no row for SOS (model.py, `wtet`).
 *
 * @throws GraphError `output_unavailable`
 */
export function tokenLogits(graph: Graph, normed: Value, weights: ImageGptWeights): Value {
  if (weights.lmHead === undefined) {
    throw new GraphError(
      'output_unavailable',
      'Likelihood, logits and sampling need lm_head.weight, which this checkpoint does not have.',
    );
  }
  return matMulTransposed(graph, normed, addWeight(graph, weights.lmHead));
}
