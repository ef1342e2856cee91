import { constants, inflateSync } from 'node:zlib';

/** A chunk of a PNG. */
export interface PngChunk {
  type: string;
  data: Buffer;
}

/** The length, the type and the checksum of a chunk (bytes). */
const lengthBytes = 4;
const typeBytes = 4;
const checksumBytes = 4;

const signatureBytes = 8;

/** The chunks of a PNG, up to IEND or to the first one that is cut off. Checksums are libpng's affair. */
export function* pngChunks(bytes: Uint8Array): Generator<PngChunk> {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = signatureBytes;
  while (at + lengthBytes + typeBytes <= file.length) {
    const start = at + lengthBytes + typeBytes;
    const end = start + file.readUInt32BE(at);
    const type = file.toString('latin1', at + lengthBytes, start);
    if (end > file.length || type === 'IEND') return;
    yield { type, data: file.subarray(start, end) };
    at = end + checksumBytes;
  }
}

/** Longest compressed text that is read (bytes). An XMP packet is rarely longer than 100 KB; a zip bomb is. */
const maxTextBytes = 16 * 1024 * 1024;

/** The keyword of a tEXt, zTXt or iTXt chunk. */
export function textKeyword({ data }: PngChunk): string {
  const end = data.indexOf(0);
  // A keyword has at most 79 bytes.
  return data.toString('latin1', 0, end < 0 ? 0 : Math.min(end, 80));
}

/** The text of a tEXt, zTXt or iTXt chunk; undefined if it is damaged or longer than 16 MiB. */
export function chunkText({ type, data }: PngChunk): Buffer | undefined {
  const text = data.subarray(data.indexOf(0) + 1);
  if (type === 'tEXt') return text;
  if (type === 'zTXt') return text[0] === 0 ? inflated(text.subarray(1)) : undefined;
  // iTXt: a compression flag and method, a language tag and a translated keyword.
  const language = text.indexOf(0, 2);
  const keyword = language < 0 ? -1 : text.indexOf(0, language + 1);
  if (keyword < 0) return undefined;
  const content = text.subarray(keyword + 1);
  if (text[0] === 0) return content;
  return text[1] === 0 ? inflated(content) : undefined;
}

function inflated(data: Buffer): Buffer | undefined {
  try {
    // Z_SYNC_FLUSH: a stream that is cut off gives what it holds.
    return inflateSync(data, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: maxTextBytes });
  } catch {
    return undefined;
  }
}
