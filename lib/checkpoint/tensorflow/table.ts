import crc from 'crc-32/crc32c.js';
import { damagedFile, truncatedFile } from '../error.ts';
import { invalidTensorFlow, type WireReader, wireReader } from './wire.ts';

/** The end of the file: positions of the two outer blocks, padding, and the magic number (bytes). */
const footerBytes = 48;
const magic = 0xdb4775248b80fb57n;

/** After each block: the kind of compression and a checksum (bytes). */
const trailerBytes = 5;

/** iGPT-L with its optimizer state has about 2,500. The limit bounds the memory for a hostile file. */
const maxEntries = 50_000;

/** TensorFlow's names have about 60 (bytes). */
const maxKeyBytes = 1000;

/**
 * All keys of a table (bytes); iGPT-L's with its optimizer state take 0.1 MB. A key may reuse the start of the previous
 * key, so a small hostile file could build very many long keys.
 */
const maxAllKeyBytes = 8_000_000;

/** Entries of a sorted table, by key. */
export type Table = ReadonlyMap<string, Buffer>;

/**
 * Reads a table in LevelDB's format, as TensorFlow writes it (tensorflow/core/lib/io/table), from the bytes of a whole
 * file. Verifies the checksum of every block.
 *
 * @throws CheckpointError `weights_truncated`, `weights_invalid`
 */
export function readTable(bytes: Buffer, file: string): Table {
  if (bytes.length < footerBytes || bytes.readBigUInt64LE(bytes.length - 8) !== magic) {
    throw truncatedFile(file, 'the magic number of a TensorFlow index at its end', bytes.length);
  }
  const footer = wireReader(bytes.subarray(bytes.length - footerBytes), file);
  readHandle(footer); // the first handle is of the meta block, which TensorFlow leaves empty
  const entries = new Map<string, Buffer>();
  let end = 0;
  const budget = { keyBytes: maxAllKeyBytes };
  for (const [, value] of blockEntries(blockAt(bytes, readHandle(footer), file), budget, file)) {
    const handle = readHandle(wireReader(value, file));
    if (handle.offset < end) throw invalidTensorFlow(file, 'blocks that overlap');
    end = handle.offset + handle.length + trailerBytes;
    for (const [key, value] of blockEntries(blockAt(bytes, handle, file), budget, file)) {
      if (entries.has(key)) throw invalidTensorFlow(file, `two entries named ${JSON.stringify(key.slice(0, 80))}`);
      if (entries.size === maxEntries) throw invalidTensorFlow(file, `more than ${maxEntries} entries`);
      entries.set(key, value);
    }
  }
  return entries;
}

/** Position of a block (bytes). */
interface Handle {
  offset: number;
  length: number;
}

function readHandle(reader: WireReader): Handle {
  return { offset: reader.varint(), length: reader.varint() };
}

function blockAt(bytes: Buffer, { offset, length }: Handle, file: string): Buffer {
  const end = offset + length;
  if (!(end + trailerBytes <= bytes.length))
    throw invalidTensorFlow(file, `a block at ${offset} that passes the end of the file`);
  if (bytes[end] !== 0) throw invalidTensorFlow(file, 'a compressed block, which TensorFlow does not write');
  // The checksum covers the block and the compression byte after it.
  if (maskedCrc32c(crc32c(bytes.subarray(offset, end + 1))) !== bytes.readUInt32LE(end + 1)) {
    throw damagedFile(file, 'a checksum does not match');
  }
  return bytes.subarray(offset, end);
}

/** Entries of a block. An entry stores how many bytes of its key repeat the previous key. A list of offsets ends the block. */
function blockEntries(block: Buffer, budget: { keyBytes: number }, file: string): [string, Buffer][] {
  if (block.length < 4) throw invalidTensorFlow(file, 'a block without its list of offsets');
  const end = block.length - 4 - 4 * block.readUInt32LE(block.length - 4);
  if (end < 0) throw invalidTensorFlow(file, 'a block without its list of offsets');
  const reader = wireReader(block.subarray(0, end), file);
  const entries: [string, Buffer][] = [];
  let key: Buffer = Buffer.alloc(0);
  while (reader.left > 0) {
    const [shared, unshared, length] = [reader.varint(), reader.varint(), reader.varint()];
    if (shared > key.length || shared + unshared > maxKeyBytes)
      throw invalidTensorFlow(file, 'a key of the wrong length');
    budget.keyBytes -= shared + unshared;
    if (budget.keyBytes < 0) throw invalidTensorFlow(file, `keys of more than ${maxAllKeyBytes} bytes`);
    key = Buffer.concat([key.subarray(0, shared), reader.bytes(unshared)]);
    if (entries.length === maxEntries) throw invalidTensorFlow(file, `more than ${maxEntries} entries`);
    entries.push([key.toString('utf8'), reader.bytes(length)]);
  }
  return entries;
}

/** CRC-32C of `bytes`, continued from `sum`, the checksum of the previous bytes. */
export function crc32c(bytes: Uint8Array, sum = 0): number {
  return crc.buf(bytes, sum) >>> 0;
}

/** The checksum as LevelDB and TensorFlow store it: masked, because a CRC of data that contains CRCs is weak. */
export function maskedCrc32c(sum: number): number {
  return (((sum >>> 15) | (sum << 17)) + 0xa282ead8) >>> 0;
}
