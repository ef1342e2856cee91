import type { ImageGptConfig } from '../../lib/image-gpt/config.ts';

/** An autoregressive iGPT with OpenAI's palette size and 8 heads. */
export function modelShape(n_layer: number, n_embd: number, n_positions: number): ImageGptConfig {
  return {
    n_colors: 512,
    n_positions,
    n_embd,
    n_layer,
    n_head: 8,
    n_inner: 4 * n_embd,
    activation_function: 'quick_gelu',
    layer_norm_epsilon: 1e-5,
    objective: 'ar',
    feature_layer: n_layer / 2,
    feature_norm: 'next',
  };
}
