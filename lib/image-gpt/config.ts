import type { FeatureNorm, Objective } from '../ports/model.ts';

/** Shape of an iGPT. Names are the checkpoint's. */
export interface ImageGptConfig {
  /** Colours in the palette, V: the SOS token is not counted (Hugging Face's vocab_size is V + 1). */
  n_colors: number;
  /** Tokens in a picture, n = height x width. */
  n_positions: number;
  n_embd: number;
  n_layer: number;
  n_head: number;
  /** Width of the MLP, 4 x n_embd unless the checkpoint says otherwise. */
  n_inner: number;
  layer_norm_epsilon: number;
  objective: Objective;
  /** Default layer l of pooled features, 0..n_layer. */
  feature_layer: number;
  feature_norm: FeatureNorm;
}
