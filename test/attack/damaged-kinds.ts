import { createHash } from 'node:crypto';
import { copyFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { openCheckpoint } from '../../lib/checkpoint/checkpoint.ts';
import { openDerived, writeDerived } from '../../lib/checkpoint/derived/derived-file.ts';
import { uniformPlan } from '../../lib/checkpoint/derived/precision-plan.ts';
import { openSafetensors, openSource } from '../../lib/checkpoint/import/find-source.ts';
import { importCheckpoint } from '../../lib/checkpoint/import/import-checkpoint.ts';
import { readPalette } from '../../lib/checkpoint/palette-file.ts';
import { writeProbe } from '../../lib/checkpoint/probe.ts';
import { writeShards } from '../../lib/checkpoint/safetensors/write-shards.ts';
import { crc32c, maskedCrc32c } from '../../lib/checkpoint/tensorflow/table.ts';
import { wireReader } from '../../lib/checkpoint/tensorflow/wire.ts';
import { encodeNpy } from '../../lib/image-gpt/npy.ts';
import { tinyCheckpoint } from '../support/tiny-checkpoint.ts';

const fixture = (...names: string[]) => join(import.meta.dirname, '../fixtures', ...names);

/** A kind of file from outside. */
export interface DamagedKind {
  name: string;
  /** Writes valid files into an empty folder. */
  write: (folder: string) => Promise<void>;
  /** Name of the file to damage. */
  damaged: string;
  /** Corrects or clears the checksums of the damaged bytes, so that the code after the checks is reached. */
  repair?: (damaged: Buffer, valid: Buffer) => Buffer;
  /** Reads all of the damaged file; returns a digest of what was read. */
  read: (path: string) => Promise<string>;
  /** Whether checksums cover all that is read: a damaged file that is read then holds what the valid one holds. */
  checked?: boolean;
}

const torch = (name: string) => ({ write: copies(fixture('torch', name)), damaged: name, read: readTensors });

const tensorFlow = {
  write: copies(
    ...['index', 'data-00000-of-00003', 'data-00001-of-00003', 'data-00002-of-00003'].map((ending) =>
      fixture('tensorflow', `model.ckpt-3.${ending}`),
    ),
  ),
  damaged: 'model.ckpt-3.index',
  read: readTensors,
};

const source = {
  write: copies(fixture('golden/hf16/pytorch_model.bin'), fixture('golden/hf16/config.json')),
  read: importFolder,
};

const model = { write: writeModel, read: openModel };

export const damagedKinds: readonly DamagedKind[] = [
  { name: 'PyTorch zip', ...torch('zip.bin'), checked: true },
  { name: 'PyTorch zip without checksums', ...torch('no-checksums.bin') },
  { name: 'PyTorch zip, protocol 4', ...torch('protocol4.bin'), repair: withoutChecksums },
  { name: 'PyTorch legacy', ...torch('legacy.bin') },
  { name: 'TensorFlow index', ...tensorFlow, checked: true },
  { name: 'TensorFlow index, checksums corrected', ...tensorFlow, repair: repairTable },
  {
    name: 'TensorFlow data',
    ...tensorFlow,
    damaged: 'model.ckpt-3.data-00001-of-00003',
    checked: true,
    read: readIndex,
  },
  {
    name: 'safetensors',
    write: copies(fixture('golden/oa16/model.safetensors')),
    damaged: 'model.safetensors',
    read: readTensors,
  },
  { name: 'shard index', write: writeShardFiles, damaged: 'model.safetensors.index.json', read: readTensors },
  { name: 'npy palette', write: writePalette, damaged: 'kmeans_centers.npy', read: readNpy },
  { name: 'import, weights', ...source, damaged: 'pytorch_model.bin', repair: withoutChecksums },
  { name: 'import, config.json', ...source, damaged: 'config.json' },
  { name: 'import, preprocessor_config.json', ...model, damaged: 'preprocessor_config.json', read: importFolder },
  { name: 'model, config.json', ...model, damaged: 'config.json' },
  { name: 'model, preprocessor_config.json', ...model, damaged: 'preprocessor_config.json' },
  { name: 'model, probe.safetensors', ...model, damaged: 'probe.safetensors' },
  { name: 'derived file', ...model, damaged: 'derived.safetensors', read: readDerived, checked: true },
];

function copies(...paths: readonly string[]): DamagedKind['write'] {
  return async (folder) => {
    for (const path of paths) await copyFile(path, join(folder, basename(path)));
  };
}

async function writeShardFiles(folder: string): Promise<void> {
  await using weights = await openSafetensors(fixture('golden/hf16/model.safetensors'));
  await writeShards(folder, [...weights.tensors.values()], { shardBytes: 100_000 });
}

async function writePalette(folder: string): Promise<void> {
  await writeFile(join(folder, 'kmeans_centers.npy'), encodeNpy(new Float32Array(48), [16, 3]));
}

/** A whole model, with a probe and a derived file. */
async function writeModel(folder: string): Promise<void> {
  await using tiny = await tinyCheckpoint();
  await copies(
    ...['config.json', 'model.safetensors', 'preprocessor_config.json'].map((name) => join(tiny.directory, name)),
  )(folder);
  const checkpoint = await openCheckpoint(folder);
  await writeDerived(join(folder, 'derived.safetensors'), checkpoint, 'int8', uniformPlan(2, 'int8'));
  const labels = ['a', 'b', 'c'];
  const weight = new Float32Array(labels.length * 2 * 16).fill(0.5);
  const probe = { layers: [1, 2], norm: 'next', labels, weight, bias: new Float32Array(labels.length) } as const;
  await writeProbe(join(folder, 'probe.safetensors'), probe);
}

/** More than any tensor of the valid files has (bytes): a damaged file must not yield much more than it holds. */
const maxTensorBytes = 1_000_000;

/** Hash of the names, dtypes, shapes and bytes of all tensors. */
async function readTensors(path: string): Promise<string> {
  const { source } = await openSource(path);
  await using opened = source;
  const hash = createHash('sha256');
  for (const tensor of [...opened.tensors.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    hash.update(`${tensor.name} ${tensor.dtype} ${tensor.shape.join()}\n`);
    let bytes = 0;
    for await (const piece of tensor.pieces()) {
      bytes += piece.length;
      hash.update(piece);
    }
    if (bytes > maxTensorBytes)
      throw new Error(`Expected at most ${maxTensorBytes} bytes in tensor ${tensor.name}, read ${bytes}`);
  }
  return hash.digest('hex');
}

async function readIndex(path: string): Promise<string> {
  return readTensors(join(dirname(path), 'model.ckpt-3.index'));
}

async function readNpy(path: string): Promise<string> {
  return String(await readPalette(path));
}

async function openModel(path: string): Promise<string> {
  const { config, labels, preprocessing, probe } = await openCheckpoint(dirname(path));
  return JSON.stringify({ config, labels, preprocessing, probe });
}

/** Imports into a folder beside the source, where nothing may be left. */
async function importFolder(path: string): Promise<string> {
  const out = `${dirname(path)}-imported`;
  const { checkpoint } = await importCheckpoint(dirname(path), out);
  await rm(out, { recursive: true });
  return JSON.stringify({ config: checkpoint.config, labels: checkpoint.labels });
}

async function readDerived(path: string): Promise<string> {
  const checkpoint = await openCheckpoint(dirname(path));
  const opened = await openDerived(path, checkpoint, 'int8');
  return JSON.stringify(opened?.plan);
}

/** Clears the checksums in the directory of a zip file. PyTorch writes 0 if it is told to omit them. */
function withoutChecksums(damaged: Buffer): Buffer {
  for (let at = damaged.indexOf('PK\x01\x02'); at >= 0; at = damaged.indexOf('PK\x01\x02', at + 1)) {
    damaged.fill(0, Math.min(at + 16, damaged.length), Math.min(at + 20, damaged.length));
  }
  return damaged;
}

/** Writes the checksums that match the damaged bytes of each block of a table. */
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
