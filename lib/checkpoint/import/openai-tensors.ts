import type { BlockWeights, ImageGptWeights, Weight } from '../../graph/weights.ts';
import type { ImageGptConfig } from '../../image-gpt/config.ts';
import { CheckpointError } from '../error.ts';
import { type FloatDtype, floatPieces, fromFloat32, keptDtype } from '../float-dtype.ts';
import { readFloats } from '../read-floats.ts';
import type { StreamedTensor } from '../safetensors/write-safetensors.ts';
import type { SourceTensor } from '../tensor-source.ts';

/**
 * The tensors of an iGPT under OpenAI's names (src/model.py), in the order of the forward pass. Hugging Face's layout is
 * converted:
 *
 * - c_attn [d, 3d] (in x out) becomes q, k and v [H, dh, d] (out x in).
 * - The last row of wte becomes sos.
 * - Biases, which OpenAI's models do not have, get the names of OpenAI's GPT-2: `attn/c_attn/b`, `attn/c_proj/b`,
 *   `mlp/c_fc/b` and `mlp/c_proj/b`.
 *
 * A start token or a bias that is all zero is left out.
 *
 * @param dtype dtype of all tensors; default: unchanged, but F64 becomes F32
 */
export async function openAiTensors(
  weights: ImageGptWeights,
  config: ImageGptConfig,
  source: ReadonlyMap<string, SourceTensor>,
  dtype?: FloatDtype,
): Promise<StreamedTensor[]> {
  const { n_colors: V, n_positions: n, n_embd: d, n_head: H, n_inner } = config;

  function find({ name }: Weight): SourceTensor {
    const tensor = source.get(name);
    if (tensor === undefined) {
      throw new CheckpointError(
        'tensor_missing',
        `Tensor ${name} is missing from the weights; copy or download them again.`,
      );
    }
    return tensor;
  }

  function copy(name: string, weight: Weight, shape: readonly number[]): StreamedTensor {
    const to = dtypeOf(weight);
    return { name, dtype: to, shape, pieces: () => floatPieces(find(weight), to) };
  }
  const dtypeOf = (weight: Weight): FloatDtype => dtype ?? keptDtype(find(weight).dtype) ?? 'F32';

  /** A tensor [shape] that `part` takes out of a weight. */
  function taken(name: string, weight: Weight, shape: readonly number[], part: (all: Float32Array) => Float32Array) {
    const to = dtypeOf(weight);
    async function* pieces() {
      yield fromFloat32(part(await readFloats(find(weight))), to, name);
    }
    return { name, dtype: to, shape, pieces };
  }

  async function unlessZero(name: string, weight: Weight | undefined, shape: readonly number[]) {
    const isZero = weight === undefined || (await readFloats(find(weight))).every((value) => value === 0);
    return isZero ? [] : [copy(name, weight, shape)];
  }

  async function embeddings(): Promise<StreamedTensor[]> {
    const { wte, sos } = weights;
    if (weights.layout === 'openai') {
      return [copy('model/wte', wte, [V, d]), ...(sos === undefined ? [] : [copy('model/sos', sos, [d])])];
    }
    const colors = taken('model/wte', wte, [V, d], (all) => all.slice(0, V * d));
    const start = (all: Float32Array) => all.slice(V * d);
    const isZero = start(await readFloats(find(wte))).every((value) => value === 0);
    return [colors, ...(isZero ? [] : [taken('model/sos', wte, [d], start)])];
  }

  function attentionInput(h: string, { attention }: BlockWeights): StreamedTensor[] {
    const shape = [H, d / H, d];
    return (['q', 'k', 'v'] as const).map((role, i) => {
      const name = `${h}attn/${role}_proj`;
      return attention.layout === 'split'
        ? copy(name, attention[role], shape)
        : taken(name, attention.weight, shape, (packed) => transposedThird(packed, i, d));
    });
  }

  async function block(i: number, weight: BlockWeights): Promise<StreamedTensor[]> {
    const h = `model/h${i}/`;
    return [
      copy(`${h}ln_1/g`, weight.ln1, [d]),
      ...attentionInput(h, weight),
      ...(await unlessZero(`${h}attn/c_attn/b`, weight.attention.bias, [3 * d])),
      copy(`${h}attn/c_proj`, weight.attentionProjection, [H, d / H, d]),
      ...(await unlessZero(`${h}attn/c_proj/b`, weight.attentionProjectionBias, [d])),
      copy(`${h}ln_2/g`, weight.ln2, [d]),
      copy(`${h}mlp/c_fc/w`, weight.fc, [d, n_inner]),
      ...(await unlessZero(`${h}mlp/c_fc/b`, weight.fcBias, [n_inner])),
      copy(`${h}mlp/c_proj/w`, weight.mlpProjection, [n_inner, d]),
      ...(await unlessZero(`${h}mlp/c_proj/b`, weight.mlpProjectionBias, [d])),
    ];
  }

  const { lmHead, score } = weights;
  const blocks: StreamedTensor[] = [];
  for (const [i, weight] of weights.blocks.entries()) blocks.push(...(await block(i, weight)));
  return [
    ...(await embeddings()),
    copy('model/wpe', weights.wpe, [n, d]),
    ...blocks,
    copy('model/ln_f/g', weights.lnF, [d]),
    ...(lmHead === undefined ? [] : [copy('model/wtet', lmHead, [V, d])]),
    ...(score === undefined ? [] : [copy('model/clf/wclf', score, [score.shape.at(-2) ?? 1, d])]),
  ];
}

/** Columns part x d to (part + 1) x d of `packed` [d, 3d], as rows: [d, d]. */
function transposedThird(packed: Float32Array, part: number, d: number): Float32Array {
  const third = new Float32Array(d * d);
  for (let row = 0; row < d; row++) {
    for (let column = 0; column < d; column++) {
      third[column * d + row] = packed[row * 3 * d + part * d + column] ?? 0;
    }
  }
  return third;
}
