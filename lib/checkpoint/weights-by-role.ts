import type { BlockWeights, ImageGptWeights, Weight } from '../graph/weights.ts';
import type { ImageGptConfig } from '../image-gpt/config.ts';
import { CheckpointError } from './error.ts';
import { isHuggingFaceTraining, isOpenAiTraining } from './training-tensors.ts';
import type { StoredTensor, WeightFiles } from './weight-files.ts';

/**
 * Maps every tensor to its role. Tensor names tell the layout: OpenAI's, or Hugging Face's with or without the prefix
 * `transformer.` (saved base models lack it).
 *
 * @throws CheckpointError `tensor_missing`, `tensor_unexpected`, `tensor_shape` or `tensor_dtype`
 */
export function weightsByRole({ directory, tensors }: WeightFiles, config: ImageGptConfig): ImageGptWeights {
  const reader = createTensorReader(tensors);
  for (const prefix of ['transformer.', '']) {
    if (tensors.has(`${prefix}wte.weight`)) {
      return { directory, ...huggingFace(reader, config, prefix) };
    }
  }
  for (const prefix of ['model/', '']) {
    if (tensors.has(`${prefix}wte`)) {
      return { directory, ...openAi(reader, config, prefix) };
    }
  }
  const some = [...tensors.keys()].slice(0, 3).join(', ').slice(0, 120);
  throw new CheckpointError(
    'tensor_missing',
    `The weights have no token embeddings; expected transformer.wte.weight (Hugging Face) or model/wte (OpenAI), found ${some || 'no tensors'}.`,
  );
}

function huggingFace(reader: TensorReader, config: ImageGptConfig, prefix: string): Omit<ImageGptWeights, 'directory'> {
  const { n_colors: V, n_positions: n, n_embd: d, n_inner, n_layer } = config;
  const wte = reader.required(`${prefix}wte.weight`, [V + 1, d]);
  const wpe = reader.required(`${prefix}wpe.weight`, [n, d]);
  const blocks: BlockWeights[] = [];
  for (let i = 0; i < n_layer; i++) {
    const h = `${prefix}h.${i}.`;
    blocks.push({
      ln1: reader.required(`${h}ln_1.weight`, [d]),
      attention: {
        layout: 'packed',
        weight: reader.required(`${h}attn.c_attn.weight`, [d, 3 * d]),
        bias: reader.optional(`${h}attn.c_attn.bias`, [3 * d]),
      },
      attentionProjection: reader.required(`${h}attn.c_proj.weight`, [d, d]),
      attentionProjectionBias: reader.optional(`${h}attn.c_proj.bias`, [d]),
      ln2: reader.required(`${h}ln_2.weight`, [d]),
      fc: reader.required(`${h}mlp.c_fc.weight`, [d, n_inner]),
      fcBias: reader.optional(`${h}mlp.c_fc.bias`, [n_inner]),
      mlpProjection: reader.required(`${h}mlp.c_proj.weight`, [n_inner, d]),
      mlpProjectionBias: reader.optional(`${h}mlp.c_proj.bias`, [d]),
    });
  }
  const weights = {
    layout: 'huggingface',
    wte,
    wpe,
    blocks,
    lnF: reader.required(`${prefix}ln_f.weight`, [d]),
    lmHead: reader.optional('lm_head.weight', [V, d]),
    score: reader.optionalRows('score.weight', d),
  } as const;
  reader.refuseOthers(isHuggingFaceTraining);
  return weights;
}

function openAi(reader: TensorReader, config: ImageGptConfig, prefix: string): Omit<ImageGptWeights, 'directory'> {
  const { n_colors: V, n_positions: n, n_embd: d, n_head: H, n_inner, n_layer, objective } = config;
  const wte = reader.required(`${prefix}wte`, [V, d]);
  const wpe = reader.required(`${prefix}wpe`, [n, d]);
  const perHead = [H, d / H, d];
  // OpenAI's own models have no biases; see openAiTensors.
  const blocks: BlockWeights[] = [];
  for (let i = 0; i < n_layer; i++) {
    const h = `${prefix}h${i}/`;
    blocks.push({
      ln1: reader.required(`${h}ln_1/g`, [d]),
      attention: {
        layout: 'split',
        q: reader.required(`${h}attn/q_proj`, perHead),
        k: reader.required(`${h}attn/k_proj`, perHead),
        v: reader.required(`${h}attn/v_proj`, perHead),
        bias: reader.optional(`${h}attn/c_attn/b`, [3 * d]),
      },
      attentionProjection: reader.required(`${h}attn/c_proj`, perHead),
      attentionProjectionBias: reader.optional(`${h}attn/c_proj/b`, [d]),
      ln2: reader.required(`${h}ln_2/g`, [d]),
      fc: reader.required(`${h}mlp/c_fc/w`, [d, n_inner]),
      fcBias: reader.optional(`${h}mlp/c_fc/b`, [n_inner]),
      mlpProjection: reader.required(`${h}mlp/c_proj/w`, [n_inner, d]),
      mlpProjectionBias: reader.optional(`${h}mlp/c_proj/b`, [d]),
    });
  }
  // BERT models use no start token, even if the weights hold one.
  const sos = objective === 'ar' ? reader.required(`${prefix}sos`, [d]) : reader.optional(`${prefix}sos`, [d]);
  const weights = {
    layout: 'openai',
    wte,
    sos,
    wpe,
    blocks,
    lnF: reader.required(`${prefix}ln_f/g`, [d]),
    lmHead: reader.optional(`${prefix}wtet`, [V, d]),
    score: reader.optionalRows(`${prefix}clf/wclf`, d),
  } as const;
  reader.refuseOthers(isOpenAiTraining);
  return weights;
}

/** Every weight of the model once, in the order of the forward pass. */
export function listWeights(weights: ImageGptWeights): Weight[] {
  const { wte, sos, wpe, blocks, lnF, lmHead, score } = weights;
  const perBlock = blocks.flatMap((block) => [
    block.ln1,
    ...(block.attention.layout === 'packed'
      ? [block.attention.weight]
      : [block.attention.q, block.attention.k, block.attention.v]),
    block.attention.bias,
    block.attentionProjection,
    block.attentionProjectionBias,
    block.ln2,
    block.fc,
    block.fcBias,
    block.mlpProjection,
    block.mlpProjectionBias,
  ]);
  return [wte, sos, wpe, ...perBlock, lnF, lmHead, score].filter((weight) => weight !== undefined);
}

/** Finds tensors by name, checks them, and remembers which were read. */
interface TensorReader {
  /** @throws CheckpointError if the tensor is missing, has another shape, or is not a float */
  required(name: string, shape: readonly number[]): Weight;
  /** Like `required`, but undefined for a missing tensor. */
  optional(name: string, shape: readonly number[]): Weight | undefined;
  /** Like `optional`, with any number of rows: [rows, columns]. */
  optionalRows(name: string, columns: number): Weight | undefined;
  /**
   * Refuses a model with a part that our graph does not compute.
   *
   * @throws CheckpointError if a tensor was not read and is none that training left behind
   */
  refuseOthers(isTraining: (tensor: StoredTensor, weights: ReadonlySet<string>) => boolean): void;
}

function createTensorReader(tensors: ReadonlyMap<string, StoredTensor>): TensorReader {
  const read = new Set<string>();

  function optional(name: string, shape: readonly number[]): Weight | undefined {
    const tensor = tensors.get(name);
    if (tensor === undefined) {
      return undefined;
    }
    read.add(name);
    const found = withoutLeadingOne(tensor.shape, shape.length);
    if (found.length !== shape.length || found.some((size, i) => size !== shape[i])) {
      throw new CheckpointError(
        'tensor_shape',
        `Tensor ${name} has shape [${tensor.shape.join(', ')}]; expected [${shape.join(', ')}] from config.json.`,
      );
    }
    return toWeight(tensor, found);
  }

  return {
    optional,
    required(name, shape) {
      const weight = optional(name, shape);
      if (weight === undefined) {
        throw new CheckpointError(
          'tensor_missing',
          `Tensor ${name} [${shape.join(', ')}] is missing from the weights; check that config.json belongs to them.`,
        );
      }
      return weight;
    },
    optionalRows(name, columns) {
      const rows = tensors.get(name)?.shape.at(-2);
      return optional(name, [rows ?? 1, columns]);
    },
    refuseOthers(isTraining) {
      for (const [name, tensor] of tensors) {
        if (!read.has(name) && !isTraining(tensor, read)) {
          throw new CheckpointError(
            'tensor_unexpected',
            `The weights hold tensor ${name}, which an iGPT of this config.json does not have. Remove it, if the model does not use it.`,
          );
        }
      }
    },
  };
}

/** TensorFlow checkpoints may store [d, 4d] as [1, d, 4d]; the bytes are the same. */
function withoutLeadingOne(shape: readonly number[], rank: number): readonly number[] {
  return shape.length === rank + 1 && shape[0] === 1 ? shape.slice(1) : shape;
}

function toWeight({ name, file, offset, length, dtype }: StoredTensor, shape: readonly number[]): Weight {
  switch (dtype) {
    case 'F32':
    case 'F16':
    case 'BF16':
      return { name, file, offset, length, dtype, shape };
    default:
      throw new CheckpointError('tensor_dtype', `Tensor ${name} is ${dtype}; expected F32, F16 or BF16.`);
  }
}
