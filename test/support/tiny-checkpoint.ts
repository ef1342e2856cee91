import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TensorData, writeSafetensors } from '../../lib/checkpoint/safetensors/write-safetensors.ts';
import type { Crop, FeatureNorm, Objective, Resample } from '../../lib/ports/model.ts';

/** Shape and contents of the checkpoint; every option has a small default. */
export interface TinyCheckpointOptions {
  /** Tensor names and config.json: Hugging Face's, or OpenAI's. Default `huggingface`. */
  layout?: 'huggingface' | 'openai';
  /** Prefix of Hugging Face's tensor names; checkpoints of the base model have none. Default `transformer.`. */
  prefix?: 'transformer.' | '';
  /** Default 2. */
  n_layer?: number;
  /** Default 16. */
  n_embd?: number;
  /** Default 2. */
  n_head?: number;
  /** Input resolution S; n_positions is S x S. Default 4. */
  size?: number;
  /** Palette size V. Default 8. */
  n_colors?: number;
  /** Number of classes; 0 leaves score.weight out. Default 3. */
  classes?: number;
  /** Whether lm_head is written. Default true. */
  lmHead?: boolean;
  /** Non-zero biases, zero biases, or none at all (Hugging Face only). Default `random`. */
  biases?: 'random' | 'zero' | 'absent';
  /** Default `ar`. */
  objective?: Objective;
  /** Default `none`. */
  crop?: Crop;
  /** Default 2, bilinear. */
  resample?: Resample;
  feature_layer?: number;
  feature_norm?: FeatureNorm;
  /** Whether preprocessor_config.json is written. Default true. */
  preprocessor?: boolean;
  /** Seed of every weight and colour. Default 1. */
  seed?: number;
  /** Added to config.json; replaces keys of the same name. */
  config?: Readonly<Record<string, unknown>>;
  /** Added to preprocessor_config.json; replaces keys of the same name. */
  preprocessorConfig?: Readonly<Record<string, unknown>>;
  /** Changes the tensors before they are written. */
  tensors?: (tensors: TensorData[]) => TensorData[];
}

export interface TinyCheckpoint extends AsyncDisposable {
  directory: string;
  tensors: readonly TensorData[];
}

/** Writes a small random checkpoint into a new temporary directory; disposing removes it. */
export async function tinyCheckpoint(options: TinyCheckpointOptions = {}): Promise<TinyCheckpoint> {
  const directory = await mkdtemp(join(tmpdir(), 'tiny-igpt-'));
  const random = seededNormal(options.seed ?? 1);
  const { tensors = (all) => all } = options;
  const written = tensors(
    options.layout === 'openai' ? openAiTensors(options, random) : huggingFaceTensors(options, random),
  );
  await writeSafetensors(join(directory, 'model.safetensors'), written);
  await writeFile(join(directory, 'config.json'), JSON.stringify(configJson(options), undefined, 1));
  if (options.preprocessor !== false) {
    await writeFile(join(directory, 'preprocessor_config.json'), JSON.stringify(preprocessorJson(options, random)));
  }
  return {
    directory,
    tensors: written,
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}

/** Random tokens `[n]` below `n_colors`, from the seed. */
export function randomTokens(seed: number, n: number, n_colors: number): Uint16Array {
  const random = seededUniform(seed);
  return Uint16Array.from({ length: n }, () => Math.floor(random() * n_colors));
}

function sizes({ n_layer = 2, n_embd = 16, n_head = 2, size = 4, n_colors = 8, classes = 3 }: TinyCheckpointOptions) {
  return { L: n_layer, d: n_embd, H: n_head, S: size, n: size * size, V: n_colors, C: classes };
}

type Normal = (deviation: number, mean?: number) => number;

function tensor(name: string, shape: readonly number[], random: Normal, deviation: number, mean = 0): TensorData {
  const length = shape.reduce((product, size) => product * size, 1);
  return { name, shape, data: Float32Array.from({ length }, () => random(deviation, mean)) };
}

// Deviations are larger than in a new model: attention is far from uniform, so that a wrong graph gives other results.
function huggingFaceTensors(options: TinyCheckpointOptions, random: Normal): TensorData[] {
  const { L, d, n, V, C } = sizes(options);
  const { prefix = 'transformer.', biases = 'random', lmHead = true } = options;
  const tensors = [
    tensor(`${prefix}wte.weight`, [V + 1, d], random, 0.5),
    tensor(`${prefix}wpe.weight`, [n, d], random, 0.5),
  ];
  for (let i = 0; i < L; i++) {
    const h = `${prefix}h.${i}.`;
    tensors.push(
      tensor(`${h}ln_1.weight`, [d], random, 0.1, 1),
      tensor(`${h}attn.c_attn.weight`, [d, 3 * d], random, d ** -0.5),
      tensor(`${h}attn.c_proj.weight`, [d, d], random, d ** -0.5),
      tensor(`${h}ln_2.weight`, [d], random, 0.1, 1),
      tensor(`${h}mlp.c_fc.weight`, [d, 4 * d], random, d ** -0.5),
      tensor(`${h}mlp.c_proj.weight`, [4 * d, d], random, (4 * d) ** -0.5),
    );
    if (biases !== 'absent') {
      const deviation = biases === 'random' ? 0.2 : 0;
      tensors.push(
        tensor(`${h}attn.c_attn.bias`, [3 * d], random, deviation),
        tensor(`${h}attn.c_proj.bias`, [d], random, deviation),
        tensor(`${h}mlp.c_fc.bias`, [4 * d], random, deviation),
        tensor(`${h}mlp.c_proj.bias`, [d], random, deviation),
      );
    }
  }
  tensors.push(tensor(`${prefix}ln_f.weight`, [d], random, 0.1, 1));
  if (lmHead) {
    tensors.push(tensor('lm_head.weight', [V, d], random, d ** -0.5));
  }
  if (C > 0) {
    tensors.push(tensor('score.weight', [C, d], random, d ** -0.5));
  }
  return tensors;
}

function openAiTensors(options: TinyCheckpointOptions, random: Normal): TensorData[] {
  const { L, d, H, n, V, C } = sizes(options);
  const { objective = 'ar', lmHead = true } = options;
  const perHead = [H, d / H, d];
  const tensors = [tensor('model/wte', [V, d], random, 0.5), tensor('model/wpe', [n, d], random, 0.5)];
  if (objective === 'ar') {
    tensors.push(tensor('model/sos', [d], random, 0.5));
  }
  for (let i = 0; i < L; i++) {
    const h = `model/h${i}/`;
    tensors.push(
      tensor(`${h}ln_1/g`, [d], random, 0.1, 1),
      tensor(`${h}attn/q_proj`, perHead, random, d ** -0.5),
      tensor(`${h}attn/k_proj`, perHead, random, d ** -0.5),
      tensor(`${h}attn/v_proj`, perHead, random, d ** -0.5),
      tensor(`${h}attn/c_proj`, perHead, random, d ** -0.5),
      tensor(`${h}ln_2/g`, [d], random, 0.1, 1),
      tensor(`${h}mlp/c_fc/w`, [d, 4 * d], random, d ** -0.5),
      tensor(`${h}mlp/c_proj/w`, [4 * d, d], random, (4 * d) ** -0.5),
    );
  }
  tensors.push(tensor('model/ln_f/g', [d], random, 0.1, 1));
  if (lmHead) {
    tensors.push(tensor('model/wtet', [V, d], random, d ** -0.5));
  }
  if (C > 0) {
    tensors.push(tensor('model/clf/wclf', [C, d], random, d ** -0.5));
  }
  return tensors;
}

function configJson(options: TinyCheckpointOptions): Record<string, unknown> {
  const { L, d, H, n, V, C } = sizes(options);
  const { objective, crop, feature_layer, feature_norm } = options;
  const igpt = { objective, crop, feature_layer, feature_norm };
  const shape = { n_embd: d, n_layer: L, n_head: H };
  const layout =
    options.layout === 'openai'
      ? { n_vocab: V, n_ctx: n, bert: objective === 'bert' }
      : { model_type: 'imagegpt', vocab_size: V + 1, n_positions: n, activation_function: 'quick_gelu' };
  return {
    ...layout,
    ...shape,
    layer_norm_epsilon: 1e-5,
    ...(C > 0 && { id2label: Object.fromEntries(Array.from({ length: C }, (_, i) => [String(i), `class ${i}`])) }),
    ...(Object.values(igpt).some((value) => value !== undefined) && { igpt }),
    ...options.config,
  };
}

function preprocessorJson(options: TinyCheckpointOptions, random: Normal): Record<string, unknown> {
  const { S, V } = sizes(options);
  const channel = () => Math.max(-1, Math.min(1, random(0.5)));
  return {
    image_processor_type: 'ImageGPTImageProcessor',
    do_resize: true,
    do_normalize: true,
    size: { height: S, width: S },
    resample: options.resample ?? 2,
    clusters: Array.from({ length: V }, () => [channel(), channel(), channel()].map(Math.fround)),
    ...options.preprocessorConfig,
  };
}

/** Uniform numbers in [0, 1): mulberry32, enough for fixtures. */
function seededUniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Normally distributed numbers (Box-Muller). */
function seededNormal(seed: number): Normal {
  const uniform = seededUniform(seed);
  return (deviation, mean = 0) =>
    mean + deviation * Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}
