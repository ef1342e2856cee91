import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { endianness, tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { golden, goldenJson } from './golden.ts';

const caseSchema = z.object({
  seed: z.number(),
  config: z.record(z.string(), z.unknown()),
  tensors: z.array(z.object({ name: z.string(), shape: z.array(z.number()), scale: z.number(), offset: z.number() })),
  outliers: z
    .object({ channels: z.array(z.number()), factor: z.number(), pairs: z.array(z.tuple([z.string(), z.string()])) })
    .optional(),
});

const checksumsSchema = z.object({ files: z.record(z.string(), z.object({ sha256: z.string() })) });

export interface WideCheckpoint extends AsyncDisposable {
  directory: string;
}

/**
 * Makes the weights of a case of golden/wide in a temporary directory; disposing removes it.
 *
 * @param factor replaces the factor of the outlier channels; the model computes the same with other weights, whose
 *   checksum is not checked
 */
export async function wideCheckpoint(name: string, factor?: number): Promise<WideCheckpoint> {
  const stored = goldenJson(caseSchema, 'wide', name, 'case.json');
  const spec =
    stored.outliers && factor !== undefined ? { ...stored, outliers: { ...stored.outliers, factor } } : stored;
  const bytes = encode(makeWeights(spec));
  const { files } = goldenJson(checksumsSchema, 'wide', name, 'checksums.json');
  const sum = createHash('sha256').update(bytes).digest('hex');
  if (factor === undefined && sum !== files['model.safetensors']?.sha256)
    throw new Error(`Expected the checksum of ${golden('wide', name)}, received ${sum}`);
  const directory = await mkdtemp(join(tmpdir(), 'wide-igpt-'));
  await writeFile(join(directory, 'model.safetensors'), bytes);
  await writeFile(join(directory, 'config.json'), JSON.stringify(spec.config));
  return { directory, [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }) };
}

interface Tensor {
  shape: readonly number[];
  data: Float32Array;
}

/** Each tensor has its own random numbers, seeded by its name, so that the order of tensors does not matter. */
function makeWeights(spec: z.infer<typeof caseSchema>): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  for (const { name, shape, scale, offset } of spec.tensors) {
    const draw = mulberry32(fnv1a(name) ^ spec.seed);
    const length = shape.reduce((product, size) => product * size, 1);
    tensors.set(name, { shape, data: Float32Array.from({ length }, () => offset + scale * (2 * draw() - 1)) });
  }
  const { channels, factor, pairs } = spec.outliers ?? { channels: [], factor: 1, pairs: [] };
  for (const [gainName, matrixName] of pairs) {
    const gain = tensors.get(gainName)!.data;
    const { shape, data } = tensors.get(matrixName)!;
    const columns = shape[1]!;
    for (const channel of channels) {
      gain[channel]! *= factor;
      for (let i = channel * columns; i < (channel + 1) * columns; i++) data[i]! /= factor;
    }
  }
  return tensors;
}

function encode(tensors: ReadonlyMap<string, Tensor>): Uint8Array {
  if (endianness() !== 'LE') throw new Error(`Expected a little-endian machine, this one is ${endianness()}`);
  const names = [...tensors.keys()].sort();
  let end = 0;
  const entries = names.map((name) => {
    const { shape, data } = tensors.get(name)!;
    const start = end;
    end += data.byteLength;
    return [name, { dtype: 'F32', shape, data_offsets: [start, end] }];
  });
  const json = JSON.stringify({ __metadata__: { format: 'pt' }, ...Object.fromEntries(entries) });
  const header = json + ' '.repeat((8 - (json.length % 8)) % 8);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([
    length,
    Buffer.from(header),
    ...names.map((name) => new Uint8Array(tensors.get(name)!.data.buffer)),
  ]);
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

function mulberry32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = ((t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t) | 0;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
