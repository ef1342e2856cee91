import type { Crop, ImageGptConfig } from '../../image-gpt/config.ts';
import type { FloatDtype } from '../float-dtype.ts';

/** Names of the dtypes in PyTorch's words. */
export const torchDtypes: Readonly<Record<FloatDtype, string>> = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' };

/** What transformers' config.json says of an iGPT with a causal head, and our own key with what it has no word for. */
export function toHuggingFaceConfig(config: ImageGptConfig, crop: Crop, dtype: FloatDtype): Record<string, unknown> {
  const { n_colors, n_positions, n_embd, n_layer, n_head, n_inner, layer_norm_epsilon } = config;
  const { objective, feature_layer, feature_norm } = config;
  return {
    model_type: 'imagegpt',
    architectures: ['ImageGPTForCausalImageModeling'],
    vocab_size: n_colors + 1, // SOS is row V
    n_positions,
    n_embd,
    n_layer,
    n_head,
    n_inner: n_inner === 4 * n_embd ? null : n_inner,
    activation_function: 'quick_gelu',
    layer_norm_epsilon,
    scale_attn_weights: true,
    tie_word_embeddings: false,
    torch_dtype: torchDtypes[dtype],
    igpt: { objective, crop, feature_layer, feature_norm },
  };
}
