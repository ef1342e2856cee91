import type { ClassInput, FeatureNorm, Objective } from '../ports/model.ts';
import type { Activation } from './activation.ts';

/** Shape of an iGPT, with the names of config.json. */
export interface ImageGptConfig {
  /** Colours of the palette, V. Excludes the SOS token (Hugging Face's vocab_size is V + 1). */
  n_colors: number;
  /** Tokens of a picture, n = height x width. */
  n_positions: number;
  n_embd: number;
  n_layer: number;
  n_head: number;
  /** Width of the MLP (default: 4 x n_embd). */
  n_inner: number;
  activation_function: Activation;
  layer_norm_epsilon: number;
  objective: Objective;
  /** Default layer l of pooled features, 0 to n_layer. */
  feature_layer: number;
  feature_norm: FeatureNorm;
  /** What score.weight reads (default sos); undefined for BERT models. */
  input?: ClassInput | undefined;
}
