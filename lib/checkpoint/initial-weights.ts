import { elementsOf } from '../graph/graph.ts';
import type { ImageGptConfig } from '../image-gpt/config.ts';
import { createRandom } from '../image-gpt/random.ts';
import type { Checkpoint } from './checkpoint.ts';
import { type FloatDtype, fromFloat32 } from './float-dtype.ts';
import { bytesOf } from './safetensors/safetensors.ts';
import type { StreamedTensor } from './safetensors/write-safetensors.ts';
import { weightsByRole } from './weights-by-role.ts';

/** A tensor and its initial distribution: normal, or constant `mean` if `deviation` is 0. */
interface InitialTensor {
  name: string;
  shape: readonly number[];
  mean: number;
  deviation: number;
}

/** Numbers per piece. The largest matrix of iGPT-XL as one piece would take 151 MB. */
const pieceElements = 2 ** 20;

/**
 * Random weights of an iGPT under Hugging Face's names, for BERT models under OpenAI's, drawn while they are read. Standard deviations are OpenAI's
 * (src/model.py): wpe 0.01; wte, sos and both MLP matrices 0.02; q, k, v 1/sqrt(d); attention's c_proj 1/sqrt(d L).
 * Gains are 1, biases and the output matrix 0, so the first loss is exactly ln V. A tensor's values depend only on the
 * seed and its name. There is no `score.weight`: it depends on a data set.
 */
export function initialWeights(config: ImageGptConfig, seed: number, dtype: FloatDtype): StreamedTensor[] {
  return (config.objective === 'bert' ? openAiTensors(config) : huggingFaceTensors(config)).map((tensor) => ({
    name: tensor.name,
    dtype,
    shape: tensor.shape,
    pieces: () => normalPieces(tensor, seed, dtype),
  }));
}

function normal(name: string, shape: readonly number[], deviation: number): InitialTensor {
  return { name, shape, mean: 0, deviation };
}

function zero(name: string, shape: readonly number[]): InitialTensor {
  return normal(name, shape, 0);
}

function openAiTensors({ n_colors: V, n_positions: n, n_embd: d, n_head: H, n_inner, n_layer }: ImageGptConfig) {
  const gain = (name: string): InitialTensor => ({ name, shape: [d], mean: 1, deviation: 0 });
  const block = (i: number): InitialTensor[] => {
    const h = `model/h${i}/`;
    const perHead = [H, d / H, d];
    return [
      gain(`${h}ln_1/g`),
      ...['q', 'k', 'v'].map((role) => normal(`${h}attn/${role}_proj`, perHead, d ** -0.5)),
      normal(`${h}attn/c_proj`, perHead, (d * n_layer) ** -0.5),
      gain(`${h}ln_2/g`),
      normal(`${h}mlp/c_fc/w`, [d, n_inner], 0.02),
      normal(`${h}mlp/c_proj/w`, [n_inner, d], 0.02),
    ];
  };
  return [
    normal('model/wte', [V, d], 0.02),
    normal('model/wpe', [n, d], 0.01),
    ...Array.from({ length: n_layer }, (_, i) => block(i)).flat(),
    gain('model/ln_f/g'),
    zero('model/wtet', [V, d]),
  ];
}

function huggingFaceTensors({ n_colors: V, n_positions: n, n_embd: d, n_inner, n_layer }: ImageGptConfig) {
  const gain = (name: string): InitialTensor => ({ name, shape: [d], mean: 1, deviation: 0 });
  const block = (i: number): InitialTensor[] => {
    const h = `transformer.h.${i}.`;
    return [
      gain(`${h}ln_1.weight`),
      normal(`${h}attn.c_attn.weight`, [d, 3 * d], d ** -0.5),
      zero(`${h}attn.c_attn.bias`, [3 * d]),
      normal(`${h}attn.c_proj.weight`, [d, d], (d * n_layer) ** -0.5),
      zero(`${h}attn.c_proj.bias`, [d]),
      gain(`${h}ln_2.weight`),
      normal(`${h}mlp.c_fc.weight`, [d, n_inner], 0.02),
      zero(`${h}mlp.c_fc.bias`, [n_inner]),
      normal(`${h}mlp.c_proj.weight`, [n_inner, d], 0.02),
      zero(`${h}mlp.c_proj.bias`, [d]),
    ];
  };
  return [
    normal('transformer.wte.weight', [V + 1, d], 0.02), // row V is SOS
    normal('transformer.wpe.weight', [n, d], 0.01),
    ...Array.from({ length: n_layer }, (_, i) => block(i)).flat(),
    gain('transformer.ln_f.weight'),
    zero('lm_head.weight', [V, d]),
  ];
}

async function* normalPieces(tensor: InitialTensor, seed: number, dtype: FloatDtype): AsyncGenerator<Uint8Array> {
  const { name, shape, mean, deviation } = tensor;
  const random = createRandom(seed, hash(name));
  const elements = elementsOf(shape);
  for (let done = 0; done < elements; done += pieceElements) {
    const values = new Float32Array(Math.min(pieceElements, elements - done));
    if (deviation === 0) {
      values.fill(mean);
    } else {
      // Box-Muller transform: two uniform numbers give two normal ones.
      for (let i = 0; i < values.length; i += 2) {
        const radius = deviation * Math.sqrt(-2 * Math.log(1 - random()));
        const angle = 2 * Math.PI * random();
        values[i] = mean + radius * Math.cos(angle);
        values[i + 1] = mean + radius * Math.sin(angle);
      }
    }
    yield fromFloat32(values, dtype, name);
  }
}

/** FNV-1a. Each tensor has its own random stream, independent of the other tensors. */
function hash(text: string): number {
  let sum = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) sum = Math.imul(sum ^ byte, 0x01000193);
  return sum >>> 0;
}

/** The checkpoint that `igpt init` would write in f32, without files: for sizes and costs, not for predictions. */
export function variantCheckpoint(name: string, config: ImageGptConfig): Checkpoint {
  const tensors = initialWeights(config, 0, 'F32').map(({ name: tensor, dtype, shape }) => {
    const length = bytesOf(dtype, shape);
    return [tensor, { name: tensor, dtype, shape, file: '', offset: 0, length }] as const;
  });
  return {
    directory: '',
    name,
    config,
    weights: weightsByRole({ directory: '', files: [], bytes: 0, tensors: new Map(tensors) }, config),
    weightFiles: [],
    weightBytes: tensors.reduce((sum, [, { length }]) => sum + length, 0),
    labels: [],
    scoreLabels: [],
    classFunction: 'softmax',
    unknownKeys: [],
  };
}
