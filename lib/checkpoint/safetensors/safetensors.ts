import { basename } from 'node:path';
import { z } from 'zod';
import { elementsOf } from '../../graph/graph.ts';
import { excessOf, maxJsonBytes } from '../bounded-json.ts';
import { CheckpointError, truncatedFile } from '../error.ts';
import { longList, longMap } from '../long-schemas.ts';
import { openFile } from '../open-file.ts';

/** Bits per element, by safetensors dtype. Elements below 8 bits are packed. */
const bitsOf: Readonly<Record<string, number>> = {
  BOOL: 8,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  I64: 64,
  U64: 64,
  F64: 64,
  C64: 64,
};

/** Size of a tensor (bytes). Not a whole number if a packed tensor does not fill its last byte. */
export function bytesOf(dtype: string, shape: readonly number[]): number {
  return (elementsOf(shape) * (bitsOf[dtype] ?? Number.NaN)) / 8;
}

/** iGPT-XL's header has 0.2 MB. The format allows 100 MB, but parsing such a header takes gigabytes. */
const maxHeaderBytes = maxJsonBytes;

/** Before the header: its length, a little-endian u64 (bytes). */
const lengthBytes = 8;

export interface SafetensorsTensor {
  name: string;
  dtype: string;
  shape: readonly number[];
  /** From the start of the file (bytes). */
  offset: number;
  /** Size (bytes). */
  length: number;
}

export interface SafetensorsHeader {
  tensors: ReadonlyMap<string, SafetensorsTensor>;
  metadata: Readonly<Record<string, string>>;
  /** Size of the whole file (bytes). */
  fileBytes: number;
}

const size = z.int().nonnegative();
const entrySchema = z.strictObject({
  dtype: z.string(),
  shape: longList(size),
  data_offsets: z.tuple([size, size]),
});
const headerSchema = z.record(z.string(), z.unknown());
const metadataSchema = longMap(z.string());

/**
 * Reads the header of a safetensors file, not its data. Checks every offset against dtype, shape and file size, so that
 * callers can map the returned ranges without further checks.
 *
 * @throws CheckpointError `weights_missing`, `weights_truncated` or `weights_invalid`
 */
export async function readSafetensorsHeader(path: string): Promise<SafetensorsHeader> {
  const file = basename(path);
  const handle = await openFile(path, 'weights_missing');
  if (handle === undefined) {
    throw new CheckpointError(
      'weights_missing',
      `${file} is missing from the checkpoint directory; copy or download it again.`,
    );
  }
  try {
    const stats = await handle.stat();
    const prefix = Buffer.alloc(lengthBytes);
    if (stats.size < lengthBytes || (await handle.read(prefix, 0, lengthBytes, 0)).bytesRead < lengthBytes) {
      throw truncatedFile(file, `at least ${lengthBytes} bytes`, stats.size);
    }
    const headerBytes = prefix.readBigUInt64LE();
    if (headerBytes > BigInt(maxHeaderBytes)) {
      throw invalid(file, `a header of ${headerBytes} bytes, expected at most ${maxHeaderBytes}`);
    }
    const dataStart = lengthBytes + Number(headerBytes);
    if (dataStart > stats.size) {
      throw truncatedFile(file, `a header of ${headerBytes} bytes`, stats.size);
    }
    const header = Buffer.alloc(Number(headerBytes));
    const { bytesRead } = await handle.read(header, 0, header.length, lengthBytes);
    if (bytesRead < header.length) {
      throw truncatedFile(file, `a header of ${headerBytes} bytes`, stats.size);
    }
    return parseSafetensorsHeader(header, stats.size, file);
  } finally {
    await handle.close();
  }
}

/** Parses and checks the JSON header of a safetensors file of `fileBytes` bytes. `file` is used in messages. */
export function parseSafetensorsHeader(header: Uint8Array, fileBytes: number, file: string): SafetensorsHeader {
  const dataStart = lengthBytes + header.length;
  const text = decodeUtf8(header, file);
  const entries = parseJson(text, file);
  const seen = new Set<string>();
  for (const key of topLevelKeys(text)) {
    if (seen.has(key)) {
      throw invalid(file, `two tensors named ${key}`);
    }
    seen.add(key);
  }
  const tensors = new Map<string, SafetensorsTensor>();
  let metadata: Record<string, string> = {};
  for (const [name, entry] of Object.entries(entries)) {
    if (name === '__metadata__') {
      const parsed = metadataSchema.safeParse(entry);
      if (!parsed.success) {
        throw invalid(file, '__metadata__ that is not a map from string to string');
      }
      metadata = parsed.data;
    } else {
      tensors.set(name, parseTensor(name, entry, dataStart, file));
    }
  }
  checkRanges([...tensors.values()], dataStart, fileBytes, file);
  return { tensors, metadata, fileBytes };
}

function parseTensor(name: string, entry: unknown, dataStart: number, file: string): SafetensorsTensor {
  const parsed = entrySchema.safeParse(entry);
  if (!parsed.success) {
    throw invalid(file, `an entry for ${name} without a valid dtype, shape and data_offsets`);
  }
  const { dtype, shape, data_offsets } = parsed.data;
  const [begin, end] = data_offsets;
  if (bitsOf[dtype] === undefined) {
    throw invalid(file, `dtype ${dtype} for ${name}, which the format does not have`);
  }
  const expected = bytesOf(dtype, shape);
  if (end - begin !== expected) {
    throw invalid(
      file,
      `${end - begin} bytes for ${name}, but ${dtype} [${shape.join(', ')}] takes ${Number.isSafeInteger(expected) ? expected : 'another number of'} bytes`,
    );
  }
  return { name, dtype, shape, offset: dataStart + begin, length: end - begin };
}

/** Checks that every byte of data belongs to exactly one tensor, as the format demands. */
function checkRanges(tensors: SafetensorsTensor[], dataStart: number, fileBytes: number, file: string): void {
  // An empty tensor may share the offset of the next one. The empty one must come first.
  tensors.sort((a, b) => a.offset - b.offset || a.length - b.length);
  let end = dataStart;
  for (const tensor of tensors) {
    if (tensor.offset < end) {
      throw invalid(file, `data of ${tensor.name} that overlaps another tensor's`);
    }
    if (tensor.offset > end) {
      throw invalid(file, `${tensor.offset - end} bytes before ${tensor.name} that belong to no tensor`);
    }
    end = tensor.offset + tensor.length;
  }
  if (end > fileBytes) {
    throw truncatedFile(file, `${end} bytes`, fileBytes);
  }
  if (end < fileBytes) {
    throw invalid(file, `${fileBytes - end} bytes after the last tensor that belong to no tensor`);
  }
}

function decodeUtf8(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw invalid(file, 'a header that is not UTF-8', cause);
  }
}

function parseJson(text: string, file: string): Record<string, unknown> {
  const excess = excessOf(text);
  if (excess !== undefined) {
    throw invalid(file, `a header of ${excess}`);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw invalid(file, 'a header that is not JSON', cause);
  }
  const parsed = headerSchema.safeParse(json);
  if (!parsed.success) {
    throw invalid(file, 'a header that is not a JSON object');
  }
  return parsed.data;
}

function invalid(file: string, found: string, cause?: unknown): CheckpointError {
  return new CheckpointError('weights_invalid', `${file} is not a valid safetensors file: it has ${found}.`, { cause });
}

/**
 * Keys of the outermost object of a valid JSON text, in order, with duplicates. JSON.parse would drop duplicates without
 * an error.
 */
export function topLevelKeys(json: string): string[] {
  const keys: string[] = [];
  let depth = 0;
  let expectsKey = false;
  for (let i = 0; i < json.length; i++) {
    const character = json[i];
    if (character === '"') {
      const start = i;
      for (i++; json[i] !== '"'; i++) {
        if (json[i] === '\\') {
          i++;
        }
      }
      if (depth === 1 && expectsKey) {
        keys.push(String(JSON.parse(json.slice(start, i + 1))));
        expectsKey = false;
      }
    } else if (character === '{' || character === '[') {
      depth++;
      expectsKey = character === '{';
    } else if (character === '}' || character === ']') {
      depth--;
    } else if (character === ',') {
      expectsKey = true;
    }
  }
  return keys;
}
