import { causalAttention } from './attention.ts';
import { shiftedEmbedding } from './embedding.ts';
import type { ImageGptModel } from './forward-graph.ts';
import { addInput, addOutput, addWeight, createGraph, type Graph, type Value } from './graph.ts';
import { concat, reshape, slice } from './operators.ts';
import { tokenLogits } from './token-logits.ts';
import { embed, transformerBlock } from './transformer.ts';

/**
 * Begins to decode one picture: reads SOS and the first `length - 1` tokens in one pass. `tokens` int32 [1, length], the
 * last of which does not matter. Gives `logits` [1, V] for the token at place `length - 1`, and `rows`
 * [2 x n_layer, n_head, length, dh]: keys and values of every block, in turn.
 *
 * @throws GraphError
 */
export function prefillGraph({ config, weights }: ImageGptModel, length: number): Graph {
  const { n_embd: d, n_head: H, n_layer: L } = config;
  const graph = createGraph('image-gpt-prefill');
  const tokens = addInput(graph, 'tokens', 'int32', [1, length]);
  const content = shiftedEmbedding(graph, tokens, config, weights, length);
  const positions = addWeight(graph, weights.wpe, { rows: { start: 0, count: length } });
  let point = embed(graph, content, positions, config, weights);
  const rows: Value[] = [];
  for (let layer = 0; layer < L; layer++) {
    point = transformerBlock(graph, point, layer, config, weights, (projections) => {
      const { output, keys, values } = causalAttention(graph, projections, config, length);
      rows.push(keys, values); // each [1, H, length, dh]
      return output;
    });
  }
  const last = slice(graph, point.next, length - 1, length, 1); // [1, 1, d]
  const logits = reshape(graph, tokenLogits(graph, last, weights), [1, -1]);
  addOutput(graph, 'logits', logits, 'float32', [1, config.n_colors]);
  addOutput(graph, 'rows', concat(graph, rows, 0), 'float32', [2 * L, H, length, d / H]);
  return graph;
}
