import { describe, expect, it } from 'vitest';
import { configKeys, settledKeys, unknownKeys } from '../../../lib/checkpoint/config-keys.ts';

describe('settledKeys', () => {
  it('gives each setting its first name', () => {
    expect(
      settledKeys({ hidden_size: 64, num_attention_heads: 4, num_hidden_layers: 3, max_position_embeddings: 16 }),
    ).toEqual({ n_embd: 64, n_head: 4, n_layer: 3, n_positions: 16 });
  });

  it.each([[{ n_head: 4, num_attention_heads: 4 }], [{ num_attention_heads: 4, n_head: 4 }]])(
    'takes two names with the same value: %j',
    (json) => {
      expect(settledKeys(json)).toEqual({ n_head: 4 });
    },
  );

  it.each([
    [{ n_head: 8, num_attention_heads: 4 }, /n_head 8 and num_attention_heads 4, two names of one setting/],
    [{ num_hidden_layers: 3, n_layer: null }, /n_layer null and num_hidden_layers 3/],
  ])('refuses two names with different values: %j', (json, message) => {
    expect(() => settledKeys(json)).toThrow(expect.objectContaining({ code: 'config_invalid' }));
    expect(() => settledKeys(json)).toThrow(message);
  });

  it.each([
    [{ model_type: 'gpt2' }, /model_type is "gpt2" in config.json; only "imagegpt" is supported: it is another model/],
    [{ scale_attn_weights: false }, /only true is supported/],
    [{ scale_attn_by_inverse_layer_idx: true }, /one scale for all layers/],
    [{ tie_word_embeddings: true }, /only false or null/],
    [{ add_cross_attention: true }, /no cross-attention/],
    [{ per_layer_config: { 0: { n_head: 2 } } }, /all have one configuration/],
    [{ layer_types: ['full_attention'] }, /layer_types/],
    [{ sliding_window: 8 }, /over all earlier tokens/],
    [{ attention_chunk_size: 8 }, /attention_chunk_size/],
    [{ pruned_heads: { 0: [1] } }, /pruned_heads is {"0":\[1\]}/],
    [{ quantization_config: { quant_method: 'gptq' } }, /packed integers/],
    [{ auto_map: { AutoModel: 'x.Y' } }, /code of its own/],
  ])('refuses %j, with the reason', (json, message) => {
    expect(() => settledKeys(json)).toThrow(expect.objectContaining({ code: 'config_unsupported' }));
    expect(() => settledKeys(json)).toThrow(message);
  });

  it('takes what transformers writes for an ImageGPT', () => {
    const written = {
      model_type: 'imagegpt',
      scale_attn_weights: true,
      scale_attn_by_inverse_layer_idx: false,
      reorder_and_upcast_attn: true,
      tie_word_embeddings: false,
      add_cross_attention: false,
      pruned_heads: {},
      torch_dtype: 'float16',
      is_decoder: true,
      output_hidden_states: true,
    };
    expect(settledKeys(written)).toEqual(written);
  });
});

describe('unknownKeys', () => {
  it('are in no row of the table, whatever JavaScript’s objects inherit', () => {
    expect(unknownKeys({ n_head: 4, n_heads: 4, hidden_act: 'relu', constructor: 1, toString: 2 })).toEqual([
      'n_heads',
      'hidden_act',
      'constructor',
      'toString',
    ]);
  });
});

it('every other name is that of a key that is honoured', () => {
  const aliases = Object.values(configKeys).flatMap((rule) => ('alias' in rule ? [rule.alias] : []));
  expect(aliases).toHaveLength(4);
  for (const key of aliases) expect(configKeys[key]).toHaveProperty('honoured');
});
