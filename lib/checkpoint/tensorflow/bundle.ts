import { basename, dirname, join } from 'node:path';
import { type ByteFile, openByteFile } from '../byte-file.ts';
import { damagedFile, truncatedFile } from '../error.ts';
import { bytesOf } from '../safetensors/safetensors.ts';
import type { SourceTensor, TensorSource } from '../tensor-source.ts';
import { crc32c, maskedCrc32c, readTable } from './table.ts';
import { fieldsOf, invalidTensorFlow } from './wire.ts';

/** Safetensors dtype by number in tensorflow/core/framework/types.proto. Others (strings, variants) are not weights. */
const dtypes: Readonly<Record<number, string>> = {
  1: 'F32',
  2: 'F64',
  3: 'I32',
  4: 'U8',
  5: 'I16',
  6: 'I8',
  9: 'I64',
  10: 'BOOL',
  14: 'BF16',
  17: 'U16',
  19: 'F16',
  22: 'U32',
  23: 'U64',
};

/** iGPT-L's index has about 100 kB. The limit bounds the memory for a hostile file. */
const maxIndexBytes = 16 * 2 ** 20;

/** OpenAI's largest checkpoint has 64. The limit bounds the open files for a hostile one. */
const maxShards = 1024;

/** Position of a tensor (BundleEntryProto of tensor_bundle.proto). */
interface BundleEntry {
  name: string;
  dtype: string;
  shape: readonly number[];
  shard: number;
  offset: number;
  length: number;
  /** Masked CRC-32C of the data. */
  checksum: number;
}

/**
 * Opens a TensorFlow checkpoint by its index, `<prefix>.index`. The data files are beside it, named
 * `<prefix>.data-00000-of-00032` and so on. The checksum of a tensor is verified after its last piece.
 *
 * @throws CheckpointError `weights_missing`, `weights_truncated`, `weights_invalid`
 */
export async function openTensorFlow(indexPath: string): Promise<TensorSource> {
  const index = await readIndex(indexPath);
  const prefix = indexPath.slice(0, -'.index'.length);
  const { shards, entries } = parseIndex(index, basename(indexPath));
  const files: ByteFile[] = [];
  const close = async () => {
    for (const file of files) await file[Symbol.asyncDispose]();
  };
  try {
    for (let shard = 0; shard < shards; shard++) {
      files.push(await openByteFile(join(dirname(prefix), shardName(basename(prefix), shard, shards))));
    }
    refuseOverlaps(entries, files, basename(indexPath));
    return {
      format: 'TensorFlow',
      tensors: new Map(entries.map((entry) => [entry.name, toSource(entry, files)])),
      bytes: files.reduce((sum, file) => sum + file.size, 0),
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function shardName(prefix: string, shard: number, shards: number): string {
  const digits = (value: number) => String(value).padStart(5, '0');
  return `${prefix}.data-${digits(shard)}-of-${digits(shards)}`;
}

async function readIndex(path: string): Promise<Buffer> {
  await using file = await openByteFile(path);
  if (file.size > maxIndexBytes)
    throw invalidTensorFlow(file.name, `an index of ${file.size} bytes, expected at most ${maxIndexBytes}`);
  return file.read(0, file.size);
}

/** Parses the index of a checkpoint. `file` is used in messages. */
export function parseIndex(bytes: Buffer, file: string): { shards: number; entries: BundleEntry[] } {
  const table = readTable(bytes, file);
  const header = table.get('');
  if (header === undefined) throw invalidTensorFlow(file, 'no header');
  const fields = fieldsOf(header, file);
  const shards = fields.find(({ number }) => number === 1)?.value ?? 0;
  const endianness = fields.find(({ number }) => number === 2)?.value ?? 0;
  if (endianness !== 0) throw invalidTensorFlow(file, 'big-endian numbers, which are not supported');
  if (typeof shards !== 'number' || shards < 1 || shards > maxShards)
    throw invalidTensorFlow(file, `a wrong number of shards, expected 1 to ${maxShards}`);
  const entries = [...table]
    .filter(([name]) => name !== '')
    .flatMap(([name, value]) => parseEntry(name, value, shards, file) ?? []);
  if (new Set(entries.map(({ name }) => name)).size < entries.length)
    throw invalidTensorFlow(file, 'two variables of one name');
  return { shards, entries };
}

/** Undefined if the entry is not a tensor of numbers. */
function parseEntry(name: string, message: Buffer, shards: number, file: string): BundleEntry | undefined {
  const numbers = new Map<number, number>();
  let shape: number[] = [];
  for (const { number, value } of fieldsOf(message, file)) {
    if (typeof value === 'number') {
      numbers.set(number, value);
    } else if (number === 2) {
      shape = parseShape(value, file);
    } else if (number === 7) {
      throw invalidTensorFlow(file, `tensor ${shown(name)} in slices; save it without partitioned variables`);
    }
  }
  const dtype = dtypes[numbers.get(1) ?? 0];
  if (dtype === undefined) return undefined;
  const [shard = 0, offset = 0, length = 0, checksum = 0] = [3, 4, 5, 6].map((field) => numbers.get(field));
  if (shard >= shards) throw invalidTensorFlow(file, `tensor ${shown(name)} in shard ${shard} of ${shards}`);
  if (bytesOf(dtype, shape) !== length) {
    throw invalidTensorFlow(
      file,
      `${length} bytes for tensor ${shown(name)}, which do not match ${dtype} [${shape.slice(0, 8).join(', ')}]`,
    );
  }
  return { name: variableName(name), dtype, shape, shard, offset, length, checksum };
}

/** tf.train.Checkpoint of TensorFlow 2 adds this to the name of a variable, in which it escapes `/` and `.`. */
const variableValue = '/.ATTRIBUTES/VARIABLE_VALUE';

function variableName(key: string): string {
  if (!key.endsWith(variableValue)) return key;
  return key.slice(0, -variableValue.length).replaceAll(/\.([.S])/g, (_, escaped) => (escaped === 'S' ? '/' : '.'));
}

/** TensorShapeProto: each field 2 is a dimension, whose field 1 is the size. */
function parseShape(message: Buffer, file: string): number[] {
  return fieldsOf(message, file).flatMap(({ number, value }) => {
    if (number !== 2 || typeof value === 'number') return [];
    const size = fieldsOf(value, file).find((field) => field.number === 1)?.value ?? 0;
    if (typeof size !== 'number') throw invalidTensorFlow(file, 'a malformed shape');
    return [size];
  });
}

function refuseOverlaps(entries: readonly BundleEntry[], files: readonly ByteFile[], index: string): void {
  const ends = files.map(() => 0);
  for (const { name, shard, offset, length } of entries.toSorted(
    (a, b) => a.offset - b.offset || a.length - b.length,
  )) {
    const file = files[shard];
    if (offset < (ends[shard] ?? 0))
      throw invalidTensorFlow(index, `data of ${shown(name)} that overlaps another tensor's`);
    ends[shard] = offset + length;
    if (file !== undefined && offset + length > file.size) {
      throw truncatedFile(file.name, `at least ${offset + length} bytes`, file.size);
    }
  }
}

function toSource(
  { name, dtype, shape, shard, offset, length, checksum }: BundleEntry,
  files: readonly ByteFile[],
): SourceTensor {
  return {
    name,
    dtype,
    shape,
    async *pieces() {
      const file = files[shard];
      if (file === undefined) return;
      let sum = 0;
      for await (const piece of file.pieces(offset, length)) {
        sum = crc32c(piece, sum);
        yield piece;
      }
      if (maskedCrc32c(sum) !== checksum) {
        throw damagedFile(file.name, `the checksum of ${shown(name)} does not match`);
      }
    },
  };
}

/** Names of a hostile file may be long. */
function shown(name: string): string {
  return name.length > 80 ? `${name.slice(0, 80)}…` : name;
}
