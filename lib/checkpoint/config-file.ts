import { z } from 'zod';
import type { ImageGptConfig } from '../image-gpt/config.ts';
import { type Crop, classInputs, featureNorms, type Objective } from '../ports/model.ts';
import { inputOf } from './config-input.ts';
import { CheckpointError } from './error.ts';
import type { FloatDtype } from './float-dtype.ts';
import { parseJson, readJsonFile } from './json-file.ts';
import { longMap } from './long-schemas.ts';

/** Contents of config.json, in one form for Hugging Face and OpenAI. */
export interface ConfigFile {
  config: ImageGptConfig;
  /** Why the class head reads `config.input`. */
  inputReason: string;
  crop: Crop;
  /** Class names by index, from id2label; undefined if absent. */
  labels: readonly string[] | undefined;
  /** `num_labels`; undefined if absent. */
  classes: number | undefined;
  /** `_name_or_path`; undefined if absent. */
  name: string | undefined;
}

const count = z.int().positive();

/** With one colour a token would have 0 bits, and nothing could be packed. */
const minColors = 2;

/** Tokens are stored as 16-bit numbers. */
const maxColors = 65_536;

/** Our own key in config.json: settings that Hugging Face has no keys for. */
const igptSchema = z.strictObject({
  objective: z.enum(['ar', 'bert']).optional(),
  crop: z.enum(['none', 'short-224-center']).optional(),
  feature_layer: z.int().nonnegative().optional(),
  feature_norm: z.enum(featureNorms).optional(),
  input: z.enum(classInputs).optional(),
});

/** Keys that Hugging Face and OpenAI share. Defaults are those of transformers' ImageGPTConfig. */
const commonSchema = z.looseObject({
  n_embd: count.default(512),
  n_layer: count.default(24),
  n_head: count.default(8),
  layer_norm_epsilon: z.number().positive().default(1e-5),
  architectures: z.array(z.string()).nullish(),
  num_labels: count.optional(),
  id2label: longMap(z.string(), z.string().regex(/^\d+$/)).nullish(),
  _name_or_path: z.string().nullish(),
  igpt: igptSchema.nullish(),
});

/** OpenAI's hyperparameters (src/run.py). */
const openAiSchema = commonSchema.extend({ n_vocab: count, n_ctx: count, bert: z.boolean().default(false) });

const huggingFaceSchema = commonSchema.extend({
  model_type: z.string().default('imagegpt'),
  vocab_size: count.default(513),
  n_positions: count.default(1024),
  n_inner: count.nullish(),
  activation_function: z.string().default('quick_gelu'),
  scale_attn_weights: z.boolean().default(true),
  scale_attn_by_inverse_layer_idx: z.boolean().default(false),
  tie_word_embeddings: z.boolean().default(false),
  add_cross_attention: z.boolean().default(false),
});

/**
 * Reads config.json of Hugging Face's or OpenAI's layout.
 *
 * @throws CheckpointError `config_missing`, `config_invalid`, or `config_unsupported` for a model that our graph does not implement
 */
export async function readConfigFile(path: string): Promise<ConfigFile> {
  const file = await readJsonFile(path, z.record(z.string(), z.unknown()), 'config_invalid');
  if (file === undefined) {
    throw new CheckpointError(
      'config_missing',
      'The directory has no config.json; expected the directory of a Hugging Face ImageGPT checkpoint.',
    );
  }
  return 'n_vocab' in file
    ? fromOpenAi(parseJson(file, openAiSchema, 'config.json', 'config_invalid'))
    : fromHuggingFace(parseJson(file, huggingFaceSchema, 'config.json', 'config_invalid'));
}

type Shape = Pick<ImageGptConfig, 'n_colors' | 'n_positions' | 'n_inner'>;

function toConfigFile(
  json: z.infer<typeof commonSchema>,
  shape: Shape,
  { layout, defaultObjective }: { layout: 'huggingface' | 'openai'; defaultObjective: Objective },
): ConfigFile {
  const igpt = json.igpt ?? {};
  const { n_embd, n_layer, n_head, layer_norm_epsilon } = json;
  if (n_embd % n_head !== 0) {
    throw new CheckpointError(
      'config_invalid',
      `n_embd is ${n_embd} in config.json; expected a multiple of n_head, ${n_head}.`,
    );
  }
  const feature_layer = igpt.feature_layer ?? Math.floor(n_layer / 2);
  if (feature_layer > n_layer) {
    throw new CheckpointError(
      'config_invalid',
      `igpt.feature_layer is ${feature_layer} in config.json; expected 0 to ${n_layer}, the number of layers.`,
    );
  }
  if (shape.n_colors < minColors || shape.n_colors > maxColors) {
    throw new CheckpointError(
      'config_unsupported',
      `config.json has ${shape.n_colors} colours; expected ${minColors} to ${maxColors}.`,
    );
  }
  const objective = igpt.objective ?? defaultObjective;
  const { input, reason } = inputOf({
    stated: igpt.input,
    layout,
    architectures: json.architectures ?? [],
    statedObjective: igpt.objective,
    objective,
  });
  const labels = json.id2label == null ? undefined : labelsByIndex(json.id2label);
  return {
    config: {
      ...shape,
      n_embd,
      n_layer,
      n_head,
      layer_norm_epsilon,
      objective,
      feature_layer,
      feature_norm: igpt.feature_norm ?? 'next',
      input,
    },
    inputReason: reason,
    crop: igpt.crop ?? 'none',
    labels,
    classes: json.num_labels,
    name: json._name_or_path ?? undefined,
  };
}

function fromOpenAi(json: z.infer<typeof openAiSchema>): ConfigFile {
  const shape = { n_colors: json.n_vocab, n_positions: json.n_ctx, n_inner: 4 * json.n_embd };
  return toConfigFile(json, shape, { layout: 'openai', defaultObjective: json.bert ? 'bert' : 'ar' });
}

function fromHuggingFace(json: z.infer<typeof huggingFaceSchema>): ConfigFile {
  requireValue(json.model_type === 'imagegpt', 'model_type', json.model_type, 'imagegpt');
  requireValue(
    json.activation_function === 'quick_gelu',
    'activation_function',
    json.activation_function,
    'quick_gelu',
  );
  requireValue(json.scale_attn_weights, 'scale_attn_weights', false, true);
  requireValue(!json.scale_attn_by_inverse_layer_idx, 'scale_attn_by_inverse_layer_idx', true, false);
  requireValue(!json.tie_word_embeddings, 'tie_word_embeddings', true, false);
  requireValue(!json.add_cross_attention, 'add_cross_attention', true, false);
  const { vocab_size, n_positions, n_embd, n_inner } = json;
  const shape = { n_colors: vocab_size - 1, n_positions, n_inner: n_inner ?? 4 * n_embd };
  return toConfigFile(json, shape, { layout: 'huggingface', defaultObjective: 'ar' });
}

function requireValue(supported: boolean, key: string, found: unknown, expected: unknown): void {
  if (!supported) {
    throw new CheckpointError(
      'config_unsupported',
      `${key} is ${JSON.stringify(found)} in config.json; only ${JSON.stringify(expected)} is supported.`,
    );
  }
}

function labelsByIndex(id2label: Readonly<Record<string, string>>): string[] {
  const labels: string[] = [];
  const count = Object.keys(id2label).length;
  for (let i = 0; i < count; i++) {
    const label = id2label[String(i)];
    if (label === undefined) {
      throw new CheckpointError(
        'config_invalid',
        `id2label in config.json has ${count} classes but lacks number ${i}; expected 0 to ${count - 1}.`,
      );
    }
    labels.push(label);
  }
  return labels;
}

/** PyTorch's names of the dtypes. */
export const torchDtypes: Readonly<Record<FloatDtype, string>> = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' };

/** The config.json that transformers writes for an iGPT with a language head, plus our own key `igpt`. */
export function toHuggingFaceConfig(config: ImageGptConfig, crop: Crop, dtype: FloatDtype): Record<string, unknown> {
  const { n_colors, n_positions, n_embd, n_layer, n_head, n_inner, layer_norm_epsilon } = config;
  const { objective, feature_layer, feature_norm, input = 'sos' } = config;
  return {
    model_type: 'imagegpt',
    architectures: ['ImageGPTForCausalImageModeling'],
    vocab_size: n_colors + 1, // row V is SOS
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
    igpt: { objective, crop, feature_layer, feature_norm, ...(objective === 'ar' && { input }) },
  };
}
