import type { ImageGptConfig } from '../image-gpt/config.ts';

/** Work of one picture's forward pass, FLOP, 2 per multiply-add. */
export interface Cost {
  /** Every query against every key. */
  full: number;
  /** Without the half of the attention that the causal mask hides; equal to `full` for BERT. */
  causal: number;
}

/** Embeddings and the first `layers` blocks. */
export function blocksCost(config: ImageGptConfig, layers: number): Cost {
  const { n_positions: n, n_embd: d, n_inner, objective } = config;
  const qkv = 2 * n * d * (3 * d);
  const scores = 2 * n * n * d;
  const weightedSum = 2 * n * n * d;
  const projection = 2 * n * d * d;
  const mlp = 2 * (2 * n * d * n_inner);
  const full = layers * (qkv + scores + weightedSum + projection + mlp);
  return { full, causal: objective === 'bert' ? full : full - (layers * (scores + weightedSum)) / 2 };
}

/** The whole model up to the logits of every token. */
export function logitsCost(config: ImageGptConfig): Cost {
  const blocks = blocksCost(config, config.n_layer);
  const head = 2 * config.n_positions * config.n_embd * config.n_colors;
  return { full: blocks.full + head, causal: blocks.causal + head };
}

/** A class head on features of layer `layer`: [C, width] times [width]. */
export function classesCost(config: ImageGptConfig, layer: number, classes: number, width: number): Cost {
  const blocks = blocksCost(config, layer);
  const head = 2 * classes * width;
  return { full: blocks.full + head, causal: blocks.causal + head };
}
