import type { ImageGptConfig } from '../image-gpt/config.ts';
import { attentionScale, type Projections } from './attention.ts';
import { embed, transformerBlock } from './block.ts';
import { shiftedEmbedding, tokenLogits } from './embedding.ts';
import type { ImageGptModel } from './forward-graph.ts';
import { addInput, addOutput, addWeight, createGraph, type Graph, type Value } from './graph.ts';
import {
  add,
  concat,
  gatherRows,
  matMul,
  matMulTransposed,
  multiply,
  reshape,
  slice,
  softmax,
  split,
  unsqueeze,
} from './operators.ts';
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

/** Names of the cache inputs of block `layer`. */
export function cacheNames(layer: number): { keys: string; values: string } {
  return { keys: `keys.${layer}`, values: `values.${layer}` };
}

/**
 * One decoding step for `batch` samples at the same position.
 *
 * Inputs: `tokens` int32 [batch], the tokens just chosen; `position` int32 [1], their position (SOS was 0); `keys.<l>`
 * and `values.<l>` [batch, n_head, capacity, dh], the cache of earlier steps; `visible` [1, 1, 1, capacity], 0 where
 * the cache is filled, -infinity elsewhere.
 *
 * Outputs: `logits` [batch, V] for the next token; `rows` [2 x n_layer, batch, n_head, dh], the new keys and values.
 * The caller adds them to the cache, so the graph never copies it.
 *
 * @throws GraphError
 */
export function decodeStepGraph({ config, weights }: ImageGptModel, batch: number): Graph {
  const { n_embd: d, n_head: H, n_layer: L } = config;
  const cacheShape = [batch, H, 'capacity', d / H];
  const graph = createGraph('image-gpt-decode-step');
  const tokens = addInput(graph, 'tokens', 'int32', [batch]);
  const position = addInput(graph, 'position', 'int32', [1]);
  const visible = addInput(graph, 'visible', 'float32', [1, 1, 1, 'capacity']);
  const content = unsqueeze(graph, gatherRows(graph, addWeight(graph, weights.wte), tokens), 1); // [batch, 1, d]
  const offset = gatherRows(graph, addWeight(graph, weights.wpe), position); // [1, d]
  let point = embed(graph, content, offset, config, weights);
  const rows: Value[] = [];
  for (let layer = 0; layer < L; layer++) {
    const names = cacheNames(layer);
    const cache = {
      keys: addInput(graph, names.keys, 'float32', cacheShape),
      values: addInput(graph, names.values, 'float32', cacheShape),
      visible,
    };
    point = transformerBlock(graph, point, layer, config, weights, (projections) => {
      const [q = '', key = '', value = ''] = byHead(graph, projections, config);
      rows.push(key, value);
      return attendCache(graph, q, key, value, cache, config);
    });
  }
  const logits = tokenLogits(graph, point.next, weights); // [batch, 1, V]
  addOutput(graph, 'logits', reshape(graph, logits, [batch, -1]), 'float32', [batch, config.n_colors]);
  const all = concat(
    graph,
    rows.map((row) => reshape(graph, row, [1, batch, H, d / H])),
    0,
  );
  addOutput(graph, 'rows', all, 'float32', [2 * L, batch, H, d / H]);
  return graph;
}

/** Query, key and value by head: [batch, H, 1, dh] each. */
function byHead(graph: Graph, projections: Projections, { n_embd: d, n_head: H }: ImageGptConfig): Value[] {
  if ('packed' in projections) {
    return split(graph, reshape(graph, projections.packed, [0, 3 * H, 1, d / H]), [H, H, H], 1);
  }
  return [projections.q, projections.k, projections.v].map((value) => reshape(graph, value, [0, H, 1, d / H]));
}

/** softmax([q k^T, q K^T + visible] / sqrt(dh)) [v, V], with k and v of the new token and K and V of the cache. */
function attendCache(
  graph: Graph,
  q: Value,
  key: Value,
  value: Value,
  cache: { keys: Value; values: Value; visible: Value },
  config: ImageGptConfig,
): Value {
  const scale = attentionScale(config);
  const old = add(graph, matMulTransposed(graph, q, cache.keys, scale), cache.visible); // [batch, H, 1, capacity]
  const own = matMulTransposed(graph, q, key, scale); // [batch, H, 1, 1]
  const shares = softmax(graph, concat(graph, [own, old], 3)); // [batch, H, 1, 1 + capacity]
  const ownPart = multiply(graph, slice(graph, shares, 0, 1, 3), value); // [batch, H, 1, dh]
  const oldPart = matMul(graph, slice(graph, shares, 1, Number.MAX_SAFE_INTEGER, 3), cache.values); // [batch, H, 1, dh]
  const mixed = add(graph, oldPart, ownPart);
  return reshape(graph, mixed, [0, 1, config.n_embd]); // [batch, 1, d]
}
