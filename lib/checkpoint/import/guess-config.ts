import { CheckpointError } from '../error.ts';
import type { SourceTensor } from '../tensor-source.ts';
import { variantHeads } from '../variants.ts';

/** iGPT-XL has 60 layers. The limit bounds the work for hostile tensor names. */
const maxLayers = 1000;

/**
 * Builds a config.json for weights that came without one, from their tensor names and shapes. OpenAI's shapes contain
 * the number of heads. Hugging Face's do not: there, it is known only for the published sizes.
 *
 * @param heads number of heads, if the user gave it
 * @throws CheckpointError `heads_unknown` if the number of heads is unknown, `source_unknown` if this is not an iGPT
 */
export function guessConfig(
  tensors: ReadonlyMap<string, Pick<SourceTensor, 'shape'>>,
  heads: number | undefined,
): Record<string, unknown> {
  for (const prefix of ['transformer.', '']) {
    const wte = tensors.get(`${prefix}wte.weight`)?.shape;
    if (wte !== undefined) return huggingFace(tensors, prefix, wte, heads);
  }
  for (const prefix of ['model/', '']) {
    const wte = tensors.get(`${prefix}wte`)?.shape;
    if (wte !== undefined) return openAi(tensors, prefix, wte, heads);
  }
  const some = [...tensors.keys()].slice(0, 3).join(', ').slice(0, 120);
  throw new CheckpointError(
    'source_unknown',
    `The weights are not of an iGPT; expected transformer.wte.weight or model/wte, found ${some || 'no tensors'}.`,
  );
}

type Shapes = ReadonlyMap<string, Pick<SourceTensor, 'shape'>>;

function huggingFace(
  tensors: Shapes,
  prefix: string,
  wte: readonly number[],
  heads: number | undefined,
): Record<string, unknown> {
  const n_embd = last(wte);
  const n_layer = countLayers((layer) => tensors.has(`${prefix}h.${layer}.ln_1.weight`));
  const n_head = heads ?? variantHeads(n_embd, n_layer);
  if (n_head === undefined) {
    throw new CheckpointError(
      'heads_unknown',
      `The number of heads is unknown: the weights (${n_layer} layers of width ${n_embd}) have no config.json. Give --heads.`,
    );
  }
  const n_inner = last(tensors.get(`${prefix}h.0.mlp.c_fc.weight`)?.shape);
  return {
    vocab_size: wte.at(-2),
    n_positions: tensors.get(`${prefix}wpe.weight`)?.shape.at(-2),
    n_embd,
    n_layer,
    n_head,
    ...(n_inner !== 4 * n_embd && n_inner > 0 && { n_inner }),
    // transformers' classifier has no lm_head; a model that igpt trained has both.
    ...(tensors.has('score.weight') &&
      !tensors.has('lm_head.weight') && { architectures: ['ImageGPTForImageClassification'] }),
  };
}

function openAi(
  tensors: Shapes,
  prefix: string,
  wte: readonly number[],
  heads: number | undefined,
): Record<string, unknown> {
  const n_embd = last(wte);
  const n_layer = countLayers((layer) => tensors.has(`${prefix}h${layer}/ln_1/g`));
  const n_inner = last(tensors.get(`${prefix}h0/mlp/c_fc/w`)?.shape);
  return {
    n_vocab: wte.at(-2),
    n_ctx: tensors.get(`${prefix}wpe`)?.shape.at(-2),
    n_embd,
    n_layer,
    n_head: heads ?? tensors.get(`${prefix}h0/attn/q_proj`)?.shape.at(-3) ?? variantHeads(n_embd, n_layer) ?? 1,
    ...(n_inner !== 4 * n_embd && n_inner > 0 && { n_inner }),
    // Only autoregressive models have a start token (OpenAI, src/model.py).
    bert: !tensors.has(`${prefix}sos`),
  };
}

function countLayers(has: (layer: number) => boolean): number {
  let layers = 0;
  while (layers < maxLayers && has(layers)) layers++;
  return layers;
}

function last(shape: readonly number[] | undefined): number {
  return shape?.at(-1) ?? 0;
}
