import { z } from 'zod';
import { type Activation, activationAliases, activationOf, activations } from '../image-gpt/activation.ts';
import type { ImageGptConfig } from '../image-gpt/config.ts';
import { type Crop, classInputs, featureNorms } from '../ports/model.ts';
import { type ProblemType, problemTypes } from './class-function.ts';
import { inputOf } from './config-input.ts';
import { settledKeys, unknownKeys } from './config-keys.ts';
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
  problem: ProblemType | undefined;
  /** The largest of the three dropouts that transformers would train with. OpenAI's layout has none. */
  dropout: number;
  /** `_name_or_path`; undefined if absent. */
  name: string | undefined;
  /** Keys that neither transformers nor we read. */
  unknownKeys: readonly string[];
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
  num_labels: count.nullish(),
  id2label: longMap(z.string(), z.string().regex(/^\d+$/)).nullish(),
  problem_type: z.enum(problemTypes).nullish(),
  activation_function: z.string().default('quick_gelu'),
  n_inner: count.nullish(),
  _name_or_path: z.string().nullish(),
  igpt: igptSchema.nullish(),
});

/** OpenAI's hyperparameters (src/run.py). */
const openAiSchema = commonSchema.extend({ n_vocab: count, n_ctx: count, bert: z.boolean().default(false) });

/** transformers' default of each dropout. */
const pdrop = z.number().default(0.1);

const huggingFaceSchema = commonSchema.extend({
  vocab_size: count.default(513),
  n_positions: count.default(1024),
  resid_pdrop: pdrop,
  embd_pdrop: pdrop,
  attn_pdrop: pdrop,
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
  const settled = settledKeys(file);
  const read =
    'n_vocab' in settled
      ? fromOpenAi(parseJson(settled, openAiSchema, 'config.json', 'config_invalid'))
      : fromHuggingFace(parseJson(settled, huggingFaceSchema, 'config.json', 'config_invalid'));
  return { ...read, unknownKeys: unknownKeys(file) };
}

interface LayoutKeys extends Pick<ImageGptConfig, 'n_colors' | 'n_positions' | 'objective'> {
  layout: 'huggingface' | 'openai';
  dropout: number;
}

type KnownConfig = Omit<ConfigFile, 'unknownKeys'>;

function toConfigFile(json: z.infer<typeof commonSchema>, found: LayoutKeys): KnownConfig {
  const { dropout, layout, ...shape } = found;
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
  const objective = igpt.objective ?? shape.objective;
  const { input, reason } = inputOf({
    stated: igpt.input,
    layout,
    architectures: json.architectures ?? [],
    statedObjective: igpt.objective,
    objective,
  });
  const labels = json.id2label == null ? undefined : labelsByIndex(json.id2label);
  const classes = json.num_labels ?? undefined;
  if (labels !== undefined && classes !== undefined && labels.length !== classes) {
    throw new CheckpointError(
      'config_invalid',
      `id2label has ${labels.length} classes and num_labels is ${classes} in config.json; expected the same number. Remove the wrong one.`,
    );
  }
  return {
    config: {
      ...shape,
      n_embd,
      n_layer,
      n_head,
      n_inner: json.n_inner ?? 4 * n_embd,
      activation_function: knownActivation(json.activation_function),
      layer_norm_epsilon,
      objective,
      feature_layer,
      feature_norm: igpt.feature_norm ?? 'next',
      input,
    },
    inputReason: reason,
    crop: igpt.crop ?? 'none',
    labels,
    classes,
    problem: json.problem_type ?? undefined,
    dropout,
    name: json._name_or_path ?? undefined,
  };
}

function fromOpenAi(json: z.infer<typeof openAiSchema>): KnownConfig {
  const shape = { n_colors: json.n_vocab, n_positions: json.n_ctx };
  return toConfigFile(json, { ...shape, layout: 'openai', objective: json.bert ? 'bert' : 'ar', dropout: 0 });
}

function fromHuggingFace(json: z.infer<typeof huggingFaceSchema>): KnownConfig {
  const { vocab_size, n_positions, resid_pdrop, embd_pdrop, attn_pdrop } = json;
  const dropout = Math.max(resid_pdrop, embd_pdrop, attn_pdrop);
  const shape = { n_colors: vocab_size - 1, n_positions };
  return toConfigFile(json, { ...shape, layout: 'huggingface', objective: 'ar', dropout });
}

function knownActivation(name: string): Activation {
  const known = activationOf(name);
  if (known !== undefined) return known;
  const names = [...activations, ...Object.keys(activationAliases)].join(', ');
  throw new CheckpointError(
    'config_unsupported',
    `activation_function is ${JSON.stringify(name)} in config.json; expected one of ${names}.`,
  );
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
  const { n_colors, n_positions, n_embd, n_layer, n_head, n_inner, activation_function, layer_norm_epsilon } = config;
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
    activation_function,
    layer_norm_epsilon,
    scale_attn_weights: true,
    tie_word_embeddings: false,
    torch_dtype: torchDtypes[dtype],
    igpt: { objective, crop, feature_layer, feature_norm, ...(objective === 'ar' && { input }) },
  };
}

/**
 * config.json of an iGPT in OpenAI's layout, plus our own key `igpt`. BERT models are written in this layout only:
 * transformers has no BERT mode, and would open Hugging Face's layout as a causal model without a word.
 */
export function toOpenAiConfig(config: ImageGptConfig, crop: Crop): Record<string, unknown> {
  const { n_colors, n_positions, n_embd, n_layer, n_head, n_inner, activation_function, layer_norm_epsilon } = config;
  const { objective, feature_layer, feature_norm } = config;
  return {
    n_vocab: n_colors,
    n_ctx: n_positions,
    n_embd,
    n_layer,
    n_head,
    ...(n_inner !== 4 * n_embd && { n_inner }),
    ...(activation_function !== 'quick_gelu' && { activation_function }),
    layer_norm_epsilon,
    bert: objective === 'bert',
    igpt: { objective, crop, feature_layer, feature_norm },
  };
}

/** Keys of config.json that name the model and its classes, in both layouts. */
const naming = ['_name_or_path', 'id2label', 'num_labels', 'problem_type'];

/** config.json of either layout, in OpenAI's. */
export function asOpenAiConfig(json: Readonly<Record<string, unknown>>, { config, crop }: ConfigFile) {
  const named = Object.fromEntries(Object.entries(json).filter(([key]) => naming.includes(key)));
  return { ...named, ...toOpenAiConfig(config, crop) };
}
