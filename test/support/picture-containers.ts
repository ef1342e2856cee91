import { crc32 } from 'node:zlib';

/** Bytes as they are, text in Latin-1. */
function latin1(part: Buffer | string): Buffer {
  return typeof part === 'string' ? Buffer.from(part, 'latin1') : part;
}

/** A PNG with further chunks before and after its pixels. */
export function pngWith(png: Buffer, before: Buffer[], after: Buffer[] = []): Buffer {
  const pixels = png.indexOf('IDAT') - 4;
  const end = png.indexOf('IEND') - 4;
  return Buffer.concat([png.subarray(0, pixels), ...before, png.subarray(pixels, end), ...after, png.subarray(end)]);
}

export function pngChunk(type: string, ...parts: (Buffer | string)[]): Buffer {
  const body = Buffer.concat([type, ...parts].map(latin1));
  const chunk = Buffer.alloc(4 + body.length + 4);
  chunk.writeUInt32BE(body.length - 4, 0);
  body.copy(chunk, 4);
  chunk.writeUInt32BE(crc32(body), 4 + body.length);
  return chunk;
}

/** A JPEG with further segments behind its start. */
export function jpegWith(jpeg: Buffer, ...segments: Buffer[]): Buffer {
  return Buffer.concat([jpeg.subarray(0, 2), ...segments, jpeg.subarray(2)]);
}

export function jpegSegment(marker: number, ...parts: (Buffer | string)[]): Buffer {
  const data = Buffer.concat(parts.map(latin1));
  const segment = Buffer.alloc(4);
  segment.set([0xff, marker]);
  segment.writeUInt16BE(data.length + 2, 2);
  return Buffer.concat([segment, data]);
}

/** An extended WebP of one pixel: the flags of VP8X, then chunks around the lossless pixel. */
export function webpWith(flags: number, ...chunks: Buffer[]): Buffer {
  const pixel = Buffer.from('2f00000000071011111188880800', 'hex');
  const extended = Buffer.from([flags, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  const body = Buffer.concat([riffChunk('VP8X', extended), riffChunk('VP8L', pixel), ...chunks]);
  return Buffer.concat([
    riffChunk('RIFF', Buffer.from('WEBP')).subarray(0, 4),
    uint32(4 + body.length),
    Buffer.from('WEBP'),
    body,
  ]);
}

export function riffChunk(type: string, data: Buffer): Buffer {
  return Buffer.concat([Buffer.from(type), uint32(data.length), data, Buffer.alloc(data.length % 2)]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** A field of an EXIF block: its tag, its type, the count of values, and their four bytes or their offset. */
export type ExifField = [tag: number, type: number, count: number, value: Buffer];

/** An EXIF block, little-endian, with one directory; then further bytes. */
export function exifBlock(fields: readonly ExifField[], after: Buffer = Buffer.alloc(0)): Buffer {
  const directory = Buffer.alloc(2 + fields.length * 12 + 4);
  directory.writeUInt16LE(fields.length);
  for (const [i, [tag, type, count, value]] of fields.entries()) {
    const at = 2 + i * 12;
    directory.writeUInt16LE(tag, at);
    directory.writeUInt16LE(type, at + 2);
    directory.writeUInt32LE(count, at + 4);
    value.copy(directory, at + 8);
  }
  return Buffer.concat([Buffer.from('II*\0\x08\0\0\0', 'latin1'), directory, after]);
}

/** EXIF's orientation as a SHORT. */
export function orientationField(orientation: number): ExifField {
  return [274, 3, 1, uint32(orientation)];
}

/** An XMP packet with the orientation as an attribute. */
export function xmpPacket(orientation: number | string): string {
  return (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">' +
    `<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="${orientation}"/></rdf:RDF></x:xmpmeta>`
  );
}
