import { CheckpointError } from '../error.ts';
import { crc32c, maskedCrc32c } from './crc32c.ts';
import { invalid, type WireReader, wireReader } from './wire.ts';

/** At the end of the file: where the two outermost blocks lie, padding, and the magic number. */
const footerBytes = 48;
const magic = 0xdb4775248b80fb57n;

/** After each block: how it is compressed, and its checksum. */
const trailerBytes = 5;

/** Entries of a table: iGPT-L with its optimiser's slots has about 2,500. This bounds what a hostile file can cost. */
const maxEntries = 100_000;

/** Keys are prefixed with what they share with the key before, so a small file could ask for long ones. */
const maxKeyBytes = 4096;

/** Entries of a sorted table, key by key. */
export type Table = ReadonlyMap<string, Buffer>;

/**
 * Reads a table as LevelDB defined it and TensorFlow writes it (tensorflow/core/lib/io/table), from the bytes of a
 * whole file; every block's checksum is verified.
 *
 * @throws CheckpointError `weights_truncated`, `weights_invalid`
 */
export function readTable(bytes: Buffer, file: string): Table {
  if (bytes.length < footerBytes || bytes.readBigUInt64LE(bytes.length - 8) !== magic) {
    throw new CheckpointError(
      'weights_truncated',
      `${file} is cut short or no index of a TensorFlow checkpoint: its last bytes are others. Copy or download it again.`,
    );
  }
  const footer = wireReader(bytes.subarray(bytes.length - footerBytes), file);
  readHandle(footer); // of the block about the table itself, which TensorFlow leaves empty
  const entries = new Map<string, Buffer>();
  let end = 0;
  for (const [, value] of blockEntries(blockAt(bytes, readHandle(footer), file), file)) {
    const handle = readHandle(wireReader(value, file));
    if (handle.offset < end) throw invalid(file, 'blocks that overlap');
    end = handle.offset + handle.length + trailerBytes;
    for (const [key, value] of blockEntries(blockAt(bytes, handle, file), file)) {
      if (entries.has(key)) throw invalid(file, `two entries named ${JSON.stringify(key.slice(0, 80))}`);
      if (entries.size === maxEntries) throw invalid(file, `more than ${maxEntries} entries`);
      entries.set(key, value);
    }
  }
  return entries;
}

interface Handle {
  offset: number;
  length: number;
}

function readHandle(reader: WireReader): Handle {
  return { offset: reader.varint(), length: reader.varint() };
}

function blockAt(bytes: Buffer, { offset, length }: Handle, file: string): Buffer {
  const end = offset + length;
  if (!(end + trailerBytes <= bytes.length)) throw invalid(file, `a block that passes its end, at ${offset}`);
  if (bytes[end] !== 0) throw invalid(file, 'a compressed block, which TensorFlow does not write');
  // The checksum covers the block and the byte that says how it is compressed.
  if (maskedCrc32c(crc32c(bytes.subarray(offset, end + 1))) !== bytes.readUInt32LE(end + 1)) {
    throw new CheckpointError(
      'weights_invalid',
      `${file} is damaged: a checksum does not match. Copy or download it again.`,
    );
  }
  return bytes.subarray(offset, end);
}

/** Each entry says how much of its key it shares with the one before; the offsets of those that share nothing end the block. */
function blockEntries(block: Buffer, file: string): [string, Buffer][] {
  if (block.length < 4) throw invalid(file, 'a block without its restarts');
  const end = block.length - 4 - 4 * block.readUInt32LE(block.length - 4);
  if (end < 0) throw invalid(file, 'a block without its restarts');
  const reader = wireReader(block.subarray(0, end), file);
  const entries: [string, Buffer][] = [];
  let key: Buffer = Buffer.alloc(0);
  while (reader.left > 0) {
    const [shared, unshared, length] = [reader.varint(), reader.varint(), reader.varint()];
    if (shared > key.length || shared + unshared > maxKeyBytes) throw invalid(file, 'a key of a wrong length');
    key = Buffer.concat([key.subarray(0, shared), reader.bytes(unshared)]);
    if (entries.length === maxEntries) throw invalid(file, `more than ${maxEntries} entries`);
    entries.push([key.toString('utf8'), reader.bytes(length)]);
  }
  return entries;
}
