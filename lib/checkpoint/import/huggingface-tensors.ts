import { elementsOf } from '../../graph/graph.ts';
import type { BlockWeights, ImageGptWeights, Weight } from '../../graph/weights.ts';
import type { ImageGptConfig } from '../../image-gpt/config.ts';
import { CheckpointError } from '../error.ts';
import { type FloatDtype, floatBytes, floatPieces, fromFloat32, keptDtype } from '../float-dtype.ts';
import { readFloats } from '../read-floats.ts';
import type { StreamedTensor } from '../safetensors/write-safetensors.ts';
import type { SourceTensor } from '../tensor-source.ts';

/**
 * The tensors of an iGPT under Hugging Face's names, in the order of the forward pass. OpenAI's layout is converted as
 * in transformers (convert_imagegpt_original_tf2_to_pytorch.py):
 *
 * - q, k and v [H, dh, d] (out x in) become one c_attn [d, 3d] (in x out).
 * - sos becomes row V of wte.
 * - Missing biases become zeros.
 *
 * @param dtype dtype of all tensors; default: unchanged, but F64 becomes F32
 */
export function huggingFaceTensors(
  weights: ImageGptWeights,
  config: ImageGptConfig,
  source: ReadonlyMap<string, SourceTensor>,
  dtype?: FloatDtype,
): StreamedTensor[] {
  const { n_colors: V, n_positions: n, n_embd: d, n_inner } = config;

  function find({ name }: Weight): SourceTensor {
    const tensor = source.get(name);
    if (tensor === undefined)
      throw new CheckpointError(
        'tensor_missing',
        `Tensor ${name} is missing from the weights; copy or download them again.`,
      );
    return tensor;
  }
  const dtypeOf = (weight: Weight): FloatDtype => dtype ?? keptDtype(find(weight).dtype) ?? 'F32';

  function copy(name: string, weight: Weight, shape: readonly number[]): StreamedTensor {
    const to = dtypeOf(weight);
    return { name, dtype: to, shape, pieces: () => floatPieces(find(weight), to) };
  }
  function copyOrZeros(name: string, weight: Weight | undefined, shape: readonly number[], like: Weight) {
    return weight === undefined ? zeros(name, dtypeOf(like), shape) : copy(name, weight, shape);
  }

  function wte(): StreamedTensor {
    const name = 'transformer.wte.weight';
    const shape = [V + 1, d];
    if (weights.layout === 'huggingface') return copy(name, weights.wte, shape);
    const to = dtypeOf(weights.wte);
    return {
      name,
      dtype: to,
      shape,
      async *pieces() {
        yield* floatPieces(find(weights.wte), to);
        // An autoregressive model has one; BERT models are written in OpenAI's layout.
        if (weights.sos !== undefined) yield* floatPieces(find(weights.sos), to);
      },
    };
  }

  function attentionInput(name: string, { attention }: BlockWeights): StreamedTensor {
    const shape = [d, 3 * d];
    if (attention.layout === 'packed') return copy(name, attention.weight, shape);
    const to = dtypeOf(attention.q);
    const parts = [find(attention.q), find(attention.k), find(attention.v)];
    return { name, dtype: to, shape, pieces: () => transposedColumns(parts, d, to, name) };
  }

  function block(i: number, weight: BlockWeights): StreamedTensor[] {
    const h = `transformer.h.${i}.`;
    const { ln1, attention, attentionProjection, ln2, fc, mlpProjection } = weight;
    const input = attention.layout === 'packed' ? attention.weight : attention.q;
    return [
      copy(`${h}ln_1.weight`, ln1, [d]),
      attentionInput(`${h}attn.c_attn.weight`, weight),
      copyOrZeros(`${h}attn.c_attn.bias`, attention.bias, [3 * d], input),
      copy(`${h}attn.c_proj.weight`, attentionProjection, [d, d]), // [H, dh, d] has the same bytes
      copyOrZeros(`${h}attn.c_proj.bias`, weight.attentionProjectionBias, [d], attentionProjection),
      copy(`${h}ln_2.weight`, ln2, [d]),
      copy(`${h}mlp.c_fc.weight`, fc, [d, n_inner]),
      copyOrZeros(`${h}mlp.c_fc.bias`, weight.fcBias, [n_inner], fc),
      copy(`${h}mlp.c_proj.weight`, mlpProjection, [n_inner, d]),
      copyOrZeros(`${h}mlp.c_proj.bias`, weight.mlpProjectionBias, [d], mlpProjection),
    ];
  }

  const { lmHead, score } = weights;
  return [
    wte(),
    copy('transformer.wpe.weight', weights.wpe, [n, d]),
    ...weights.blocks.flatMap((weight, i) => block(i, weight)),
    copy('transformer.ln_f.weight', weights.lnF, [d]),
    ...(lmHead === undefined ? [] : [copy('lm_head.weight', lmHead, [V, d])]),
    ...(score === undefined ? [] : [copy('score.weight', score, [score.shape.at(-2) ?? 1, d])]),
  ];
}

function zeros(name: string, dtype: FloatDtype, shape: readonly number[]): StreamedTensor {
  return {
    name,
    dtype,
    shape,
    async *pieces() {
      yield new Uint8Array(elementsOf(shape) * floatBytes[dtype]);
    },
  };
}

/** Rows of the result per piece: reading 64 neighbouring columns uses whole cache lines. */
const rowsAtATime = 64;

/** Transposes square matrices [d, d] (out x in) and puts them side by side: [d, 3d]. */
async function* transposedColumns(
  parts: readonly SourceTensor[],
  d: number,
  dtype: FloatDtype,
  name: string,
): AsyncGenerator<Uint8Array> {
  const matrices: Float32Array[] = [];
  for (const part of parts) matrices.push(await readFloats(part));
  for (let first = 0; first < d; first += rowsAtATime) {
    const rows = Math.min(rowsAtATime, d - first);
    const piece = new Float32Array(rows * parts.length * d);
    matrices.forEach((matrix, part) => {
      for (let column = 0; column < d; column++) {
        const to = part * d + column;
        for (let row = 0; row < rows; row++) {
          piece[row * parts.length * d + to] = matrix[column * d + first + row] ?? 0;
        }
      }
    });
    yield fromFloat32(piece, dtype, name);
  }
}
