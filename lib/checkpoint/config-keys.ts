import { CheckpointError } from './error.ts';

type Json = Readonly<Record<string, unknown>>;

/** What a key of config.json means to us. */
type Rule =
  /** Changes the result as in transformers. */
  | { honoured: string }
  /** Another name of a key. */
  | { alias: string }
  /** Changes the result in a way that our graphs do not compute: refused, except with these values. */
  | { only: readonly unknown[]; why: string }
  /** Changes no result here. */
  | { harmless: string };

const honoured = (how: string): Rule => ({ honoured: how });
const alias = (of: string): Rule => ({ alias: of });
const only = (values: readonly unknown[], why: string): Rule => ({ only: values, why });
const harmless = (why: string): Rule => ({ harmless: why });

const sampling = harmless('sampling takes its settings from the options of igpt complete');
const callers = harmless('says what a call in Python returns, not what it computes');
const notes = harmless('a note about how the model was made');
const loading = harmless('says how PyTorch loads or runs the model');
const dropout = harmless('inference has no dropout; igpt train says that it trains without');
const oneToken = harmless('SOS is always the last row of the embeddings, and a picture always has all its tokens');
const otherModels = 'our attention is over all earlier tokens';

/** The release of transformers that the table was read from. A slow test compares the two. */
export const tableSource = 'transformers 5.24.0';

/**
 * Every key of config.json: those of transformers' ImageGPTConfig and PreTrainedConfig (configuration_imagegpt.py,
 * configuration_utils.py), those that its earlier releases wrote, OpenAI's (src/run.py, src/model.py) and our own.
 * transformers ignores all other keys, and so do we.
 */
export const configKeys: Readonly<Record<string, Rule>> = {
  // The shape of the model
  vocab_size: honoured('colours + 1; the last row is SOS'),
  n_positions: honoured('tokens of a picture'),
  n_embd: honoured('width'),
  n_layer: honoured('blocks'),
  n_head: honoured('attention heads'),
  n_inner: honoured('width of the MLP; null: 4 x n_embd'),
  hidden_size: alias('n_embd'),
  max_position_embeddings: alias('n_positions'),
  num_attention_heads: alias('n_head'),
  num_hidden_layers: alias('n_layer'),

  // What the model computes
  model_type: only(['imagegpt'], 'it is another model'),
  activation_function: honoured('the activations of lib/image-gpt/activation.ts'),
  layer_norm_epsilon: honoured('in every norm'),
  scale_attn_weights: only([true], 'our attention is always scaled'),
  scale_attn_by_inverse_layer_idx: only([false], 'our attention has one scale for all layers'),
  reorder_and_upcast_attn: harmless('the same attention; it is always computed in 32 bits here'),
  tie_word_embeddings: only([false, null], 'the output matrix has no row for SOS, so it cannot be the embeddings'),
  add_cross_attention: only([false, null], 'our blocks have no cross-attention'),
  per_layer_config: only([null, {}], 'our layers all have one configuration'),
  layer_types: only([null], otherModels),
  sliding_window: only([null], otherModels),
  attention_chunk_size: only([null], otherModels),
  pruned_heads: only([null, {}], 'our layers all have the same heads'),
  quantization_config: only([null], 'the weights are packed integers; give weights in floating point'),
  auto_map: only([null], 'the model has code of its own; remove the key if it is transformers’ ImageGPT unchanged'),
  is_decoder: harmless('attention is causal either way'),
  is_encoder_decoder: harmless('an ImageGPT has no encoder'),
  cross_attention_hidden_size: harmless('read with cross-attention only'),
  tie_encoder_decoder: harmless('an ImageGPT has no encoder'),
  rope_theta: harmless('positions are learned'),
  rope_scaling: harmless('positions are learned'),
  chunk_size_feed_forward: harmless('transformers’ ImageGPT does not read it'),

  // The class head
  id2label: honoured('names of the classes'),
  num_labels: honoured('number of classes; with id2label, the same number'),
  problem_type: honoured('how logits become probabilities: lib/checkpoint/class-function.ts'),
  label2id: harmless('id2label, reversed'),
  function_to_apply: harmless('transformers’ pipeline decides by problem_type and the number of labels'),
  finetuning_task: notes,
  task_specific_params: harmless('transformers reads it no more'),

  // Training
  resid_pdrop: dropout,
  embd_pdrop: dropout,
  attn_pdrop: dropout,
  initializer_range: harmless('new heads start at zero; igpt init draws OpenAI’s initial values'),
  gradient_checkpointing: loading,
  tf_legacy_loss: loading,

  // Notes
  architectures: honoured('ImageGPTForImageClassification without our key igpt: the head reads plain tokens'),
  transformers_version: notes,
  _name_or_path: honoured('name of the model'),
  name_or_path: notes,
  _commit_hash: notes,
  tokenizer_class: notes,
  prefix: notes,
  custom_pipelines: notes,

  // How PyTorch loads and runs the model
  dtype: harmless('weights of 16 bits are widened: --precision says how the model is computed'),
  torch_dtype: harmless('weights of 16 bits are widened: --precision says how the model is computed'),
  use_bfloat16: loading,
  torchscript: loading,
  xla_device: loading,
  use_cache: loading,
  attn_implementation: loading,
  _attn_implementation: loading,
  _attn_implementation_internal: loading,
  _attn_implementation_autoset: loading,
  experts_implementation: loading,
  _experts_implementation: loading,
  _experts_implementation_internal: loading,
  return_dict: callers,
  use_return_dict: callers,
  output_hidden_states: callers,
  output_attentions: callers,
  tie_last_hidden_states: callers,

  // Generation
  pad_token_id: oneToken,
  bos_token_id: oneToken,
  eos_token_id: oneToken,
  sep_token_id: oneToken,
  decoder_start_token_id: oneToken,
  assistant_confidence_threshold: sampling,
  assistant_lookbehind: sampling,
  bad_words_ids: sampling,
  begin_suppress_tokens: sampling,
  diversity_penalty: sampling,
  do_sample: sampling,
  early_stopping: sampling,
  encoder_no_repeat_ngram_size: sampling,
  encoder_repetition_penalty: sampling,
  epsilon_cutoff: sampling,
  eta_cutoff: sampling,
  exponential_decay_length_penalty: sampling,
  forced_bos_token_id: sampling,
  forced_eos_token_id: sampling,
  length_penalty: sampling,
  max_length: sampling,
  min_length: sampling,
  no_repeat_ngram_size: sampling,
  num_assistant_tokens: sampling,
  num_assistant_tokens_schedule: sampling,
  num_beam_groups: sampling,
  num_beams: sampling,
  num_return_sequences: sampling,
  output_scores: sampling,
  remove_invalid_values: sampling,
  repetition_penalty: sampling,
  return_dict_in_generate: sampling,
  suppress_tokens: sampling,
  target_lookbehind: sampling,
  temperature: sampling,
  top_k: sampling,
  top_p: sampling,
  typical_p: sampling,

  // OpenAI's layout
  n_vocab: honoured('colours'),
  n_ctx: honoured('tokens of a picture'),
  bert: honoured('attention over all tokens, with masks in place of SOS'),
  bert_mask_prob: harmless('igpt train and igpt eval mask 15 %, as the paper'),
  clf: harmless('the weights say whether there is a class head'),
  n_px: harmless('the square root of n_ctx'),

  igpt: honoured('our own settings: lib/checkpoint/config-file.ts'),
};

const ruleOf = (key: string): Rule | undefined => (Object.hasOwn(configKeys, key) ? configKeys[key] : undefined);

/** Keys that are in no table: neither transformers nor we read them. */
export function unknownKeys(json: Json): string[] {
  return Object.keys(json).filter((key) => ruleOf(key) === undefined);
}

/**
 * config.json with each setting under its first name.
 *
 * @throws CheckpointError `config_unsupported` for a value that our graphs do not compute, `config_invalid` for two
 * names of one setting with different values
 */
export function settledKeys(json: Json): Json {
  const settled = new Map(Object.entries(json).filter(([key]) => !('alias' in (ruleOf(key) ?? {}))));
  for (const [key, value] of Object.entries(json)) {
    const rule = ruleOf(key);
    if (rule === undefined) continue;
    if ('only' in rule && !rule.only.some((allowed) => isSame(allowed, value))) {
      throw new CheckpointError(
        'config_unsupported',
        `${key} is ${shown(value)} in config.json; only ${rule.only.map(shown).join(' or ')} is supported: ${rule.why}.`,
      );
    }
    if ('alias' in rule) {
      if (settled.has(rule.alias) && !isSame(settled.get(rule.alias), value)) {
        throw new CheckpointError(
          'config_invalid',
          `config.json has ${rule.alias} ${shown(settled.get(rule.alias))} and ${key} ${shown(value)}, two names of one setting; expected the same value. Remove the wrong one.`,
        );
      }
      settled.set(rule.alias, value);
    }
  }
  return Object.fromEntries(settled);
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** How much of a wrong value an error shows. */
const shownCharacters = 60;

function shown(value: unknown): string {
  return JSON.stringify(value).slice(0, shownCharacters);
}
