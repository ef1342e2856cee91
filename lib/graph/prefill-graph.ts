import { shiftedEmbedding, tokenLogits } from './embedding.ts';
import type { ImageGptModel } from './forward-graph.ts';
import { addInput, addOutput, createGraph, type Graph, type Value } from './graph.ts';
import { concat, reshape, slice } from './operators.ts';
import { causalLayer, embedStrips } from './strips.ts';

/**
 * Starts to decode one picture: reads SOS and the first `length - 1` tokens in one pass. Input: `tokens` int32
 * [1, length], whose last token is ignored. Outputs: `logits` [1, V] for the token at position `length - 1`; `rows`
 * [2 x n_layer, n_head, length, dh], alternately the keys and the values of each block.
 *
 * @throws GraphError
 */
export function prefillGraph({ config, weights }: ImageGptModel, length: number): Graph {
  const { n_embd: d, n_head: H, n_layer: L } = config;
  const graph = createGraph('image-gpt-prefill');
  const tokens = addInput(graph, 'tokens', 'int32', [1, length]);
  const content = shiftedEmbedding(graph, tokens, config, weights, length);
  let strips = embedStrips(graph, content, length, config, weights);
  const rows: Value[] = [];
  for (let layer = 0; layer < L; layer++) {
    const next = causalLayer(graph, strips, layer, config, weights);
    strips = next.strips;
    rows.push(next.keys, next.values); // each [1, H, length, dh]
  }
  const strip = strips.at(-1);
  if (strip === undefined) throw new RangeError(`Expected at least 1 position, received ${length}`);
  const last = slice(graph, strip.next, strip.length - 1, strip.length, 1); // [1, 1, d]
  const logits = reshape(graph, tokenLogits(graph, last, weights), [1, -1]);
  addOutput(graph, 'logits', logits, 'float32', [1, config.n_colors]);
  addOutput(graph, 'rows', concat(graph, rows, 0), 'float32', [2 * L, H, length, d / H]);
  return graph;
}
