import { jpegSegments } from './jpeg-segments.ts';
import { chunkText, type PngChunk, pngChunks, textKeyword } from './png-chunks.ts';

/** The EXIF block (a TIFF header and directories) and the XMP packet of a picture. */
export interface EmbeddedMetadata {
  exif: Buffer | undefined;
  xmp: Buffer | undefined;
}

const exifPrefix = 'Exif\0\0';

/** Some writers put the prefix of JPEG's APP1 before the block in other containers too, or twice. */
export function withoutExifPrefix(exif: Buffer): Buffer {
  let block = exif;
  for (let i = 0; i < 2 && startsWith(block, exifPrefix); i += 1) block = block.subarray(exifPrefix.length);
  return block;
}

const app1 = 0xe1;
/** EXIF segments that are read: 6 MB at most. A camera writes one. */
const maxExifSegments = 100;

const xmpPrefix = 'http://ns.adobe.com/xap/1.0/\0';

/** JPEG: EXIF that is continued in further APP1 segments, and the last standard XMP packet. */
export function jpegMetadata(bytes: Uint8Array): EmbeddedMetadata {
  const exif: Buffer[] = [];
  let xmp: Buffer | undefined;
  for (const { marker, data } of jpegSegments(bytes)) {
    if (marker !== app1) continue;
    if (startsWith(data, exifPrefix) && exif.length < maxExifSegments)
      exif.push(exif.length === 0 ? data : data.subarray(exifPrefix.length));
    if (startsWith(data, xmpPrefix)) xmp = data.subarray(xmpPrefix.length);
  }
  return { exif: exif.length === 0 ? undefined : withoutExifPrefix(Buffer.concat(exif)), xmp };
}

const textTypes = new Set(['tEXt', 'zTXt', 'iTXt']);

/**
 * PNG: the last chunk eXIf or tEXt "exif", else the last text "Raw profile type exif" (ImageMagick, GIMP); the last
 * text "XML:com.adobe.xmp". They may follow the pixels.
 */
export function pngMetadata(bytes: Uint8Array): EmbeddedMetadata {
  let exif: Buffer | undefined;
  // Only the last text of a keyword is unpacked, so that many zip bombs cost as much as one.
  let profile: PngChunk | undefined;
  let xmp: PngChunk | undefined;
  for (const chunk of pngChunks(bytes)) {
    if (chunk.type === 'eXIf') exif = chunk.data;
    if (!textTypes.has(chunk.type)) continue;
    const keyword = textKeyword(chunk);
    if (keyword === 'exif' && chunk.type === 'tEXt') exif = chunkText(chunk);
    if (keyword === 'Raw profile type exif') profile = chunk;
    if (keyword === 'XML:com.adobe.xmp') xmp = chunk;
  }
  exif ??= profile && rawProfile(chunkText(profile));
  return { exif: exif && withoutExifPrefix(exif), xmp: xmp && chunkText(xmp) };
}

/** Longest raw profile that is read (bytes). EXIF of a JPEG has at most 64 KB, and two digits a byte. */
const maxProfileBytes = 1024 * 1024;

/** A raw profile is an empty line, its name, its length and hexadecimal digits in lines. */
function rawProfile(text: Buffer | undefined): Buffer | undefined {
  if (!text || text.length > maxProfileBytes) return undefined;
  const digits = text.toString('latin1').split('\n').slice(3).join('').replaceAll(/\s/g, '');
  return /^[\da-f]*$/i.test(digits) ? Buffer.from(digits, 'hex') : undefined;
}

/** Flags of VP8X. libwebp reads only the chunks that a flag announces. */
const exifFlag = 0x08;
const xmpFlag = 0x04;

/** WebP: the first EXIF chunk and the first XMP chunk of an extended file. */
export function webpMetadata(bytes: Uint8Array): EmbeddedMetadata {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let flags = 0;
  let exif: Buffer | undefined;
  let xmp: Buffer | undefined;
  for (let at = 12; at + 8 <= file.length; ) {
    const type = file.toString('latin1', at, at + 4);
    const end = at + 8 + file.readUInt32LE(at + 4);
    const data = file.subarray(at + 8, end);
    if (type === 'VP8X') flags = data[0] ?? 0;
    if (type === 'EXIF' && flags & exifFlag) exif ??= data;
    if (type === 'XMP ' && flags & xmpFlag) xmp ??= data;
    // Chunks are padded to an even length.
    at = end + (end % 2);
  }
  return { exif: exif && withoutExifPrefix(exif), xmp };
}

function startsWith(data: Buffer, text: string): boolean {
  return data.toString('latin1', 0, text.length) === text;
}
