import type { ImageGptConfig } from '../image-gpt/config.ts';
import { GraphError } from './error.ts';
import { addConstant, addWeight, type Graph, type Value } from './graph.ts';
import { float32, gatherRows, int32, matMulTransposed, shiftColumns, unsqueeze, where } from './operators.ts';
import type { ImageGptWeights } from './weights.ts';

/**
 * Token embeddings [batch, n, d] of an autoregressive model (paper section 2.1): position 0 gets SOS, position i > 0
 * gets token i - 1, and the last token is not used. `tokens` int32 [batch, n], without SOS.
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
  const content = gatherRows(graph, table, shiftColumns(graph, tokens, 1, -1, int32(graph, 0))); // [batch, n, d]
  const first = addConstant(
    graph,
    'first position',
    Array.from({ length: n }, (_, i) => i === 0),
    [n, 1],
  );
  return where(graph, first, addWeight(graph, weights.sos), content);
}

/** Token embeddings [batch, n, d] of the tokens as they are, without SOS or shift. `tokens` int32 [batch, n]. */
export function plainEmbedding(graph: Graph, tokens: Value, weights: ImageGptWeights): Value {
  return gatherRows(graph, addWeight(graph, weights.wte), tokens);
}

/**
 * Token embeddings [batch, n, d] of a BERT model, without SOS or shift: zero where `mask` (bool [batch, n]) is true.
 */
export function maskedEmbedding(graph: Graph, tokens: Value, mask: Value, weights: ImageGptWeights): Value {
  const content = plainEmbedding(graph, tokens, weights); // [batch, n, d]
  return where(graph, unsqueeze(graph, mask, 2), float32(graph, 0), content);
}

/**
 * Logits of the token at each position, [batch, n, V], from the residual stream after ln_f, [batch, n, d]. The output
 * matrix is not shared with the embedding and has no row for SOS (model.py, `wtet`).
 *
 * @throws GraphError `output_unavailable`
 */
export function tokenLogits(graph: Graph, normed: Value, weights: ImageGptWeights): Value {
  if (weights.lmHead === undefined) {
    throw new GraphError(
      'output_unavailable',
      'Expected lm_head.weight for likelihood, logits or sampling, but this checkpoint lacks it. Use a checkpoint saved with its language-model head.',
    );
  }
  return matMulTransposed(graph, normed, addWeight(graph, weights.lmHead));
}
