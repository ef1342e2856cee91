import { GraphError } from './error.ts';
import { addWeight, type Graph, type Value } from './graph.ts';
import { matMulTransposed } from './operators.ts';
import type { ImageGptWeights } from './weights.ts';

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
