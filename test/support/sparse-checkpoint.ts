import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** The paper's sizes at 32x32: layers and width. */
const sizes = { S: [24, 512], M: [36, 1024], L: [48, 1536] } as const;

export type SparseSize = keyof typeof sizes;

/**
 * Writes a checkpoint of a size of the paper whose weights are a hole in a sparse file: every header is right, and it
 * takes no disk. All weights are 0.
 */
export function sparseCheckpoint(directory: string, size: SparseSize, dtype: 'F32' | 'F16' = 'F32'): void {
  const [layers, d] = sizes[size];
  const shapes: [string, number[]][] = [
    ['transformer.wte.weight', [513, d]],
    ['transformer.wpe.weight', [1024, d]],
    ...Array.from({ length: layers }, (_, i): [string, number[]][] => [
      [`transformer.h.${i}.ln_1.weight`, [d]],
      [`transformer.h.${i}.attn.c_attn.weight`, [d, 3 * d]],
      [`transformer.h.${i}.attn.c_proj.weight`, [d, d]],
      [`transformer.h.${i}.ln_2.weight`, [d]],
      [`transformer.h.${i}.mlp.c_fc.weight`, [d, 4 * d]],
      [`transformer.h.${i}.mlp.c_proj.weight`, [4 * d, d]],
    ]).flat(),
    ['transformer.ln_f.weight', [d]],
    ['lm_head.weight', [512, d]],
  ];
  const bytes = dtype === 'F32' ? 4 : 2;
  let end = 0;
  const tensors = shapes.map(([name, shape]) => {
    const start = end;
    end += bytes * shape.reduce((product, length) => product * length, 1);
    return [name, { dtype, shape, data_offsets: [start, end] }];
  });
  const header = Buffer.from(JSON.stringify(Object.fromEntries(tensors)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));

  mkdirSync(directory, { recursive: true });
  const file = openSync(join(directory, 'model.safetensors'), 'w');
  writeSync(file, Buffer.concat([length, header]));
  ftruncateSync(file, length.length + header.length + end);
  closeSync(file);
  const config = { model_type: 'imagegpt', vocab_size: 513, n_positions: 1024, n_embd: d, n_layer: layers, n_head: 8 };
  writeFileSync(join(directory, 'config.json'), JSON.stringify(config));
}
