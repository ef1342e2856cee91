import type { ByteFile } from '../byte-file.ts';
import { truncatedFile } from '../error.ts';
import { invalidTorchFile } from './state-dict.ts';

/** A record of a zip file, stored without compression. */
export interface ZipEntry {
  name: string;
  /** Position of the data in the file (bytes). */
  offset: number;
  /** Size of the data (bytes). */
  length: number;
  crc32: number;
}

/** Sizes of the fixed parts of the format (bytes). */
const endRecordBytes = 22;
const locatorBytes = 20;
const endRecord64Bytes = 56;
const centralBytes = 46;
const localBytes = 30;

/** Longest comment after the end record (bytes). */
const maxComment = 0xffff;

/** iGPT-XL has about a thousand records. These limits bound the memory for a hostile file. */
const maxRecords = 20_000;
const maxDirectoryBytes = 16 * 2 ** 20;

/**
 * Reads the directory of a zip file as PyTorch writes it: without compression, with 64-bit sizes where needed. Checks
 * that every record lies inside the file and that no two overlap, so callers can read them without further checks.
 *
 * @throws CheckpointError `weights_truncated`, `weights_invalid`
 */
export async function readZip(file: ByteFile): Promise<ReadonlyMap<string, ZipEntry>> {
  const { start, length, count } = await findDirectory(file);
  const directory = await file.read(start, length);
  const entries = new Map<string, ZipEntry>();
  let at = 0;
  for (let i = 0; i < count; i++) {
    const { entry, localHeader, next } = parseCentral(directory, at, file.name);
    at = next;
    if (entries.has(entry.name)) throw invalidTorchFile(file.name, `two records named ${JSON.stringify(entry.name)}`);
    entries.set(entry.name, { ...entry, offset: await dataStart(file, localHeader, entry.name) });
  }
  refuseOverlaps([...entries.values()], start, file.name);
  return entries;
}

async function findDirectory(file: ByteFile): Promise<{ start: number; length: number; count: number }> {
  const tailBytes = Math.min(file.size, endRecordBytes + maxComment);
  const tail = await file.read(file.size - tailBytes, tailBytes);
  const at = tail.lastIndexOf('PK\x05\x06', undefined, 'latin1');
  if (at < 0 || at + endRecordBytes > tail.length) {
    throw truncatedFile(file.name, 'a zip directory at its end', file.size);
  }
  const endRecord = file.size - tailBytes + at;
  const short = {
    count: tail.readUInt16LE(at + 10),
    length: tail.readUInt32LE(at + 12),
    start: tail.readUInt32LE(at + 16),
  };
  const long = await longEndRecord(file, endRecord);
  const { count, length, start } = long ?? short;
  const end = long?.end ?? endRecord;
  if (!(start + length <= end)) throw invalidTorchFile(file.name, 'a directory that passes its end');
  if (length > maxDirectoryBytes)
    throw invalidTorchFile(file.name, `a directory of ${length} bytes, expected at most ${maxDirectoryBytes}`);
  if (count > maxRecords) throw invalidTorchFile(file.name, `${count} records, expected at most ${maxRecords}`);
  if (count * centralBytes > length)
    throw invalidTorchFile(file.name, `${count} records in a directory of ${length} bytes`);
  return { start, length, count };
}

/** The end record with 64-bit sizes, if a locator before the plain end record (at `endRecord`) points to one. */
async function longEndRecord(
  file: ByteFile,
  endRecord: number,
): Promise<{ start: number; length: number; count: number; end: number } | undefined> {
  if (endRecord < locatorBytes) return undefined;
  const locator = await file.read(endRecord - locatorBytes, locatorBytes);
  if (locator.toString('latin1', 0, 4) !== 'PK\x06\x07') return undefined;
  const end = size64(locator, 8, file.name);
  if (end + endRecord64Bytes > endRecord) throw invalidTorchFile(file.name, 'a directory that passes its end');
  const long = await file.read(end, endRecord64Bytes);
  if (long.toString('latin1', 0, 4) !== 'PK\x06\x06')
    throw invalidTorchFile(file.name, 'no 64-bit end record where its locator points');
  return {
    count: size64(long, 32, file.name),
    length: size64(long, 40, file.name),
    start: size64(long, 48, file.name),
    end,
  };
}

function parseCentral(
  directory: Buffer,
  at: number,
  file: string,
): { entry: Omit<ZipEntry, 'offset'>; localHeader: number; next: number } {
  if (at + centralBytes > directory.length || directory.toString('latin1', at, at + 4) !== 'PK\x01\x02') {
    throw invalidTorchFile(file, 'a damaged directory');
  }
  const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) => directory.readUInt16LE(at + field));
  const nameEnd = at + centralBytes + (nameLength ?? 0);
  const extraEnd = nameEnd + (extraLength ?? 0);
  const next = extraEnd + (commentLength ?? 0);
  if (next > directory.length) throw invalidTorchFile(file, 'a damaged directory');
  const name = directory.toString('utf8', at + centralBytes, nameEnd);
  const [uncompressed, compressed, localHeader] = longSizes(
    directory.subarray(nameEnd, extraEnd),
    [24, 20, 42].map((field) => directory.readUInt32LE(at + field)),
    file,
  );
  const encrypted = (directory.readUInt16LE(at + 8) & 1) !== 0;
  if (directory.readUInt16LE(at + 10) !== 0 || encrypted || compressed !== uncompressed) {
    throw invalidTorchFile(
      file,
      `a compressed or encrypted record ${JSON.stringify(name)}, which PyTorch does not write`,
    );
  }
  return {
    entry: { name, length: uncompressed ?? 0, crc32: directory.readUInt32LE(at + 16) },
    localHeader: localHeader ?? 0,
    next,
  };
}

/** Replaces each size of 2^32 - 1 by its 64-bit size in the zip64 extra field, which has the order of `sizes`. */
function longSizes(extra: Buffer, sizes: readonly number[], file: string): number[] {
  let field: Buffer = Buffer.alloc(0);
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) === 1) field = extra.subarray(at + 4, at + 4 + extra.readUInt16LE(at + 2));
  }
  let taken = 0;
  return sizes.map((size) => {
    if (size !== 0xffffffff) return size;
    if (taken + 8 > field.length) throw invalidTorchFile(file, 'a record without its 64-bit size');
    taken += 8;
    return size64(field, taken - 8, file);
  });
}

async function dataStart(file: ByteFile, header: number, name: string): Promise<number> {
  const bytes = Buffer.byteLength(name);
  const local = await file.read(header, localBytes + bytes);
  const fits =
    local.toString('latin1', 0, 4) === 'PK\x03\x04' &&
    local.readUInt16LE(26) === bytes &&
    local.toString('utf8', localBytes) === name;
  if (!fits) throw invalidTorchFile(file.name, `no record ${JSON.stringify(name)} where its directory points`);
  return header + local.length + local.readUInt16LE(28);
}

function refuseOverlaps(entries: readonly ZipEntry[], directory: number, file: string): void {
  let end = 0;
  for (const { name, offset, length } of entries.toSorted((a, b) => a.offset - b.offset || a.length - b.length)) {
    if (offset < end) throw invalidTorchFile(file, `a record ${JSON.stringify(name)} that overlaps another`);
    end = offset + length;
    if (end > directory)
      throw invalidTorchFile(file, `a record ${JSON.stringify(name)} that reaches into the directory`);
  }
}

function size64(bytes: Buffer, at: number, file: string): number {
  const size = bytes.readBigUInt64LE(at);
  if (size > BigInt(Number.MAX_SAFE_INTEGER)) throw invalidTorchFile(file, `a size of ${size} bytes`);
  return Number(size);
}
