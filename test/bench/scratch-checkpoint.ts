import { access, mkdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TensorData, writeSafetensors } from '../../lib/checkpoint/safetensors/write-safetensors.ts';
import { nanoDirectory } from './context.ts';

/** Shape of a checkpoint, with the names of its config.json. */
export interface ScratchShape {
  n_embd: number;
  n_layer: number;
  n_head: number;
  n_positions: number;
}

/** iGPT-S at 32 x 32. */
export const igptS: ScratchShape = { n_embd: 512, n_layer: 24, n_head: 8, n_positions: 1024 };

/** iGPT-L at 32 x 32. */
export const igptL: ScratchShape = { n_embd: 1536, n_layer: 48, n_head: 16, n_positions: 1024 };

/** Number of colours in the palette (V). */
export const paletteColors = 512;

interface Tensor {
  name: string;
  shape: readonly number[];
  mean: number;
  deviation: number;
}

/** All tensors of a Hugging Face ImageGPT with a causal head. Biases are 0, as in every published iGPT. */
function tensorsOf({ n_embd: d, n_layer, n_positions }: ScratchShape): Tensor[] {
  const weight = (name: string, shape: readonly number[]): Tensor => ({ name, shape, mean: 0, deviation: 0.02 });
  const bias = (name: string, shape: readonly number[]): Tensor => ({ name, shape, mean: 0, deviation: 0 });
  const gain = (name: string): Tensor => ({ name, shape: [d], mean: 1, deviation: 0.1 });
  const blocks = Array.from({ length: n_layer }, (_, i): Tensor[] => {
    const block = `transformer.h.${i}`;
    return [
      gain(`${block}.ln_1.weight`),
      weight(`${block}.attn.c_attn.weight`, [d, 3 * d]),
      bias(`${block}.attn.c_attn.bias`, [3 * d]),
      weight(`${block}.attn.c_proj.weight`, [d, d]),
      bias(`${block}.attn.c_proj.bias`, [d]),
      gain(`${block}.ln_2.weight`),
      weight(`${block}.mlp.c_fc.weight`, [d, 4 * d]),
      bias(`${block}.mlp.c_fc.bias`, [4 * d]),
      weight(`${block}.mlp.c_proj.weight`, [4 * d, d]),
      bias(`${block}.mlp.c_proj.bias`, [d]),
    ];
  });
  return [
    weight('transformer.wte.weight', [paletteColors + 1, d]),
    weight('transformer.wpe.weight', [n_positions, d]),
    ...blocks.flat(),
    gain('transformer.ln_f.weight'),
    weight('lm_head.weight', [paletteColors, d]),
  ];
}

/** Random numbers in (0, 1) from the seed (mulberry32). */
function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (((t ^ (t >>> 14)) >>> 0) + 0.5) / 2 ** 32;
  };
}

const elements = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);

function normal(tensor: Tensor, next: () => number): TensorData {
  const data = new Float32Array(elements(tensor.shape));
  // Box-Muller: two uniform numbers give two normal ones.
  for (let i = 0; i < data.length; i += 2) {
    const radius = tensor.deviation * Math.sqrt(-2 * Math.log(next()));
    const angle = 2 * Math.PI * next();
    data[i] = tensor.mean + radius * Math.cos(angle);
    data[i + 1] = tensor.mean + radius * Math.sin(angle);
  }
  return { name: tensor.name, shape: tensor.shape, data };
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/**
 * Writes a checkpoint in Hugging Face's layout with seeded random weights and igpt-nano's palette, unless the directory
 * exists. Returns the directory.
 */
export function scratchCheckpoint(directory: string, shape: ScratchShape): Promise<string> {
  return checkpoint(directory, shape, (file) => {
    const next = uniform(1);
    const tensors = tensorsOf(shape).map((tensor) => normal(tensor, next));
    return writeSafetensors(file, tensors);
  });
}

/** Like {@link scratchCheckpoint}, but every weight is 0, in a sparse file that takes no disk space. */
export function sparseCheckpoint(directory: string, shape: ScratchShape): Promise<string> {
  return checkpoint(directory, shape, async (file) => {
    let offset = 0;
    const entries = tensorsOf(shape).map(({ name, shape: sizes }) => {
      const start = offset;
      offset += 4 * elements(sizes);
      return [name, { dtype: 'F32', shape: sizes, data_offsets: [start, offset] }];
    });
    const json = JSON.stringify(Object.fromEntries(entries));
    const header = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, ' ');
    header.writeBigUInt64LE(BigInt(header.length - 8));
    header.write(json, 8);
    await writeFile(file, header);
    await truncate(file, header.length + offset);
  });
}

/** Makes the whole directory or nothing; `write` writes model.safetensors. */
async function checkpoint(
  directory: string,
  shape: ScratchShape,
  write: (file: string) => Promise<void>,
): Promise<string> {
  if (await exists(directory)) return directory;
  const partial = `${directory}.${process.pid}`;
  await mkdir(partial, { recursive: true });
  const config = {
    model_type: 'imagegpt',
    architectures: ['ImageGPTForCausalImageModeling'],
    vocab_size: paletteColors + 1,
    ...shape,
    n_inner: null,
    activation_function: 'quick_gelu',
    layer_norm_epsilon: 1e-5,
    scale_attn_weights: true,
    tie_word_embeddings: false,
  };
  const side = Math.sqrt(shape.n_positions);
  const nano: object = JSON.parse(await readFile(join(nanoDirectory, 'preprocessor_config.json'), 'utf8'));
  const preprocessor = { ...nano, size: { height: side, width: side } };
  await writeFile(join(partial, 'config.json'), JSON.stringify(config));
  await writeFile(join(partial, 'preprocessor_config.json'), JSON.stringify(preprocessor));
  await write(join(partial, 'model.safetensors'));
  await rename(partial, directory).catch(async (error: unknown) => {
    await rm(partial, { recursive: true, force: true });
    if (!(await exists(directory))) throw error;
  });
  return directory;
}
