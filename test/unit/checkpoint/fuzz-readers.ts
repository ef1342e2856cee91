import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import fc from 'fast-check';
import { openSafetensors, openSource } from '../../../lib/checkpoint/import/find-source.ts';
import { importCheckpoint } from '../../../lib/checkpoint/import/import-checkpoint.ts';
import { readPalette } from '../../../lib/checkpoint/palette-file.ts';
import { writeShards } from '../../../lib/checkpoint/safetensors/write-shards.ts';
import { crc32c, maskedCrc32c } from '../../../lib/checkpoint/tensorflow/table.ts';
import { wireReader } from '../../../lib/checkpoint/tensorflow/wire.ts';
import { encodeNpy } from '../../../lib/image-gpt/npy.ts';
import { ImageGptError } from '../../../lib/ports/error.ts';
import { golden } from '../../support/golden.ts';
import { type Mutation, mutate } from './mutate.ts';

const fixtures = join(import.meta.dirname, '../../fixtures');

/** A reader of files from outside, with valid files to damage. */
interface FuzzedReader {
  name: string;
  files: () => Promise<ReadonlyMap<string, Buffer>>;
  /** Name of the file to damage. */
  damaged: string;
  /** Corrects the checksums of the damaged bytes, so that the code after the checks is tested too. */
  repair?: (damaged: Buffer, valid: Buffer) => Buffer;
  /** Reads all of the damaged file. */
  read: (path: string) => Promise<void>;
}

const torch = (name: string) => ({
  files: () => filesAt(join(fixtures, 'torch', name)),
  damaged: name,
  read: readAll,
});
const tensorFlow = {
  files: () => filesAt(...tensorFlowNames.map((name) => join(fixtures, 'tensorflow', name))),
  damaged: 'model.ckpt-3.index',
  read: readAll,
};
const tensorFlowNames = ['model.ckpt-3.index', ...[0, 1, 2].map((shard) => `model.ckpt-3.data-0000${shard}-of-00003`)];
const model = {
  files: () => filesAt(golden('hf16', 'pytorch_model.bin'), golden('hf16', 'config.json')),
  read: importDirectory,
};

export const fuzzedReaders: readonly FuzzedReader[] = [
  { name: 'PyTorch zip', ...torch('zip.bin') },
  { name: 'PyTorch zip without checksums', ...torch('no-checksums.bin') },
  { name: 'PyTorch zip, protocol 4', ...torch('protocol4.bin') },
  { name: 'PyTorch legacy', ...torch('legacy.bin') },
  { name: 'TensorFlow index', ...tensorFlow },
  { name: 'TensorFlow index, checksums corrected', ...tensorFlow, repair: repairTable },
  { name: 'TensorFlow data', ...tensorFlow, damaged: 'model.ckpt-3.data-00001-of-00003' },
  {
    name: 'safetensors',
    files: () => filesAt(golden('oa16', 'model.safetensors')),
    damaged: 'model.safetensors',
    read: readAll,
  },
  { name: 'shard index', files: shards, damaged: 'model.safetensors.index.json', read: readAll },
  {
    name: 'npy palette',
    files: async () => new Map([['kmeans_centers.npy', Buffer.from(encodeNpy(new Float32Array(48), [16, 3]))]]),
    damaged: 'kmeans_centers.npy',
    read: async (path) => void (await readPalette(path)),
  },
  { name: 'import, weights damaged', ...model, damaged: 'pytorch_model.bin' },
  { name: 'import, config.json damaged', ...model, damaged: 'config.json' },
];

async function filesAt(...paths: string[]): Promise<ReadonlyMap<string, Buffer>> {
  return new Map(await Promise.all(paths.map(async (path) => [basename(path), await readFile(path)] as const)));
}

async function shards(): Promise<ReadonlyMap<string, Buffer>> {
  const directory = await mkdtemp(join(tmpdir(), 'shards-'));
  try {
    await using source = await openSafetensors(golden('hf16', 'model.safetensors'));
    await writeShards(directory, [...source.tensors.values()], { shardBytes: 100_000 });
    return await filesAt(...(await readdir(directory)).map((name) => join(directory, name)));
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** Writes the checksums that match the damaged bytes of each block. */
function repairTable(damaged: Buffer, valid: Buffer): Buffer {
  if (damaged.length !== valid.length) return damaged;
  const footer = wireReader(valid.subarray(valid.length - 48), 'valid');
  const [meta = 0, metaLength = 0, index = 0, indexLength = 0] = [0, 0, 0, 0].map(() => footer.varint());
  for (const [offset, length] of [
    [0, meta - 5],
    [meta, metaLength],
    [index, indexLength],
  ] as const) {
    damaged.writeUInt32LE(maskedCrc32c(crc32c(damaged.subarray(offset, offset + length + 1))), offset + length + 1);
  }
  return damaged;
}

/** A place in the file, 0 to 1. Drawn as an integer, because most of fast-check's doubles are close to 0. */
const share = fc.integer({ min: 0, max: 1_000_000 }).map((millionths) => millionths / 1_000_000);
const length = fc.integer({ min: 1, max: 256 });
const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at: share, bits: fc.integer({ min: 1, max: 255 }) }),
  fc.record({ kind: fc.constant('set' as const), at: share, byte: fc.integer({ min: 0, max: 255 }) }),
  fc.record({ kind: fc.constant('cut' as const), at: share }),
  fc.record({
    kind: fc.constant('insert' as const),
    at: share,
    bytes: fc.uint8Array({ minLength: 1, maxLength: 64 }),
  }),
  fc.record({ kind: fc.constant('remove' as const), at: share, length }),
  fc.record({ kind: fc.constant('copy' as const), from: share, to: share, length }),
  fc.record({ kind: fc.constant('huge' as const), at: share, length: fc.constantFrom(1, 2, 4, 8) }),
);

/** Results of a fuzz test. */
export interface FuzzCount {
  tried: number;
  refused: number;
}

/**
 * Damages a file in `runs` ways. The reader must read it or refuse it with an ImageGptError of one line, and must leave
 * no files behind.
 *
 * @throws Error with the mutations that violate this
 */
export async function fuzzReader(reader: FuzzedReader, runs: number): Promise<FuzzCount> {
  const directory = await mkdtemp(join(tmpdir(), 'fuzz-'));
  const count = { tried: 0, refused: 0 };
  try {
    const source = join(directory, 'source');
    await mkdir(source);
    const files = await reader.files();
    for (const [name, bytes] of files) await writeFile(join(source, name), bytes);
    const path = join(source, reader.damaged);
    const valid = await readFile(path);
    await reader.read(path);
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 3 }), async (mutations) => {
        const damaged = mutate(valid, mutations);
        await writeFile(path, reader.repair?.(damaged, valid) ?? damaged);
        count.tried++;
        try {
          await reader.read(path);
        } catch (error) {
          if (!(error instanceof ImageGptError) || /[\n\r]/.test(error.message)) throw error;
          count.refused++;
        }
        const left = [...(await readdir(directory)), ...(await readdir(source))].sort();
        if (left.join() !== ['source', ...files.keys()].sort().join())
          throw new Error(`Expected no files besides the source, found ${left.join()}`);
      }),
      { numRuns: runs },
    );
  } finally {
    await rm(directory, { recursive: true });
  }
  return count;
}

/** Larger than any tensor of the valid files: a damaged file must not yield much more data than it holds. */
const maxTensorBytes = 1_000_000;

async function readAll(path: string): Promise<void> {
  const { source } = await openSource(path);
  await using opened = source;
  for (const tensor of opened.tensors.values()) {
    let bytes = 0;
    for await (const piece of tensor.pieces()) bytes += piece.length;
    if (bytes > maxTensorBytes)
      throw new Error(`Expected at most ${maxTensorBytes} bytes in tensor ${tensor.name}, read ${bytes}`);
  }
}

async function importDirectory(path: string): Promise<void> {
  const out = join(path, '../../out');
  try {
    await importCheckpoint(join(path, '..'), out);
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}
