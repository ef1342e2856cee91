import { type Box, boxes, child, codingName } from './heif-container.ts';

/** A track that shows pictures, and one that holds their alpha (ISO/IEC 23008-12, 7.2). */
const pictureHandler = 'pict';
const alphaHandler = 'auxv';

/** Where a handler box names its kind, and where the boxes of a sample description begin (bytes). */
const handlerAt = 8;
const descriptionsAt = 8;

/** A visual sample entry (ISO/IEC 14496-12, 12.1.3): its width and height, then its boxes (bytes). */
const entry = { width: 24, height: 26, boxes: 78 };

/** Boxes of a sample entry that are properties of a still picture too. A file has one or two colr, and one of others. */
const properties = new Set(['av1C', 'colr', 'pixi']);
const maxProperties = 8;

/**
 * A still AVIF of the first frame of an animation: for files that hold no still picture, which libvips cannot decode.
 * Undefined if the file has no such track in AV1, or if its alpha is in a track of its own.
 */
export function firstFrame(bytes: Uint8Array): Uint8Array | undefined {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { samples, alpha } = pictureTrack(child(file, 'moov'));
  const description = child(sampleDescriptions(samples), 'av01');
  const frame = firstSample(file, samples);
  if (alpha || !description || description.length < entry.boxes || !frame) return undefined;
  return stillPicture(frame, description);
}

/** The coding of an animation, in words; undefined if the file holds none. */
export function trackCoding(bytes: Uint8Array): string | undefined {
  const movie = child(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), 'moov');
  if (!movie) return undefined;
  const { samples, alpha } = pictureTrack(movie);
  const { value: description } = boxes(sampleDescriptions(samples) ?? Buffer.alloc(0)).next();
  return `${codingName(description?.type ?? '')}${alpha ? ' with alpha in a second track' : ''}`;
}

/** The sample table of the first picture track. `alpha`: another track holds the transparency. */
function pictureTrack(movie: Buffer | undefined): { samples: Buffer | undefined; alpha: boolean } {
  let media: Buffer | undefined;
  let alpha = false;
  for (const { type, data } of boxes(movie ?? Buffer.alloc(0))) {
    const track = type === 'trak' ? child(data, 'mdia') : undefined;
    const handler = child(track, 'hdlr')?.toString('latin1', handlerAt, handlerAt + 4);
    if (handler === alphaHandler) alpha = true;
    if (handler === pictureHandler) media ??= track;
  }
  return { samples: child(child(media, 'minf'), 'stbl'), alpha };
}

function sampleDescriptions(samples: Buffer | undefined): Buffer | undefined {
  return child(samples, 'stsd')?.subarray(descriptionsAt);
}

/** The bytes of the first sample: its size is in stsz, its offset is that of the first chunk (stco or co64). */
function firstSample(file: Buffer, samples: Buffer | undefined): Buffer | undefined {
  const sizes = child(samples, 'stsz') ?? Buffer.alloc(0);
  const [short, long] = [child(samples, 'stco'), child(samples, 'co64')];
  // One size for all, or 0, a count and a list.
  const size = [4, 12].map((at) => (sizes.length < at + 4 ? 0 : sizes.readUInt32BE(at))).find((value) => value > 0);
  if (size === undefined) return undefined;
  if (short && short.length >= 12) return file.subarray(short.readUInt32BE(8), short.readUInt32BE(8) + size);
  if (!long || long.length < 16) return undefined;
  const start = Number(long.readBigUInt64BE(8));
  return file.subarray(start, start + size);
}

/** An AVIF with one item. Its data come before its description, so that their offset is known. */
function stillPicture(frame: Buffer, description: Buffer): Buffer {
  const type = box('ftyp', 'avif\0\0\0\0avifmif1miaf');
  const size = [uint32(description.readUInt16BE(entry.width)), uint32(description.readUInt16BE(entry.height))];
  const shared: Box[] = [];
  for (const property of boxes(description.subarray(entry.boxes))) {
    if (properties.has(property.type) && shared.length < maxProperties) shared.push(property);
  }
  const all = [box('ispe', version0, ...size), ...shared.map((property) => box(property.type, property.data))];
  // Numbers from 1; the high bit makes the decoder's configuration essential.
  const numbers = ['\x01', ...shared.map(({ type }, i) => String.fromCharCode((type === 'av1C' ? 0x80 : 0) | (i + 2)))];
  const location = ['\x44\0\0\x01\0\x01\0\0\0\x01', uint32(type.length + 8), uint32(frame.length)];
  const meta = box(
    'meta',
    version0,
    box('hdlr', version0, '\0\0\0\0pict', '\0'.repeat(13)),
    box('pitm', version0, '\0\x01'),
    box('iloc', version0, ...location),
    box('iinf', version0, '\0\x01', box('infe', '\x02\0\0\0', '\0\x01\0\0av01\0')),
    box(
      'iprp',
      box('ipco', ...all),
      box('ipma', version0, '\0\0\0\x01\0\x01', String.fromCharCode(numbers.length), ...numbers),
    ),
  );
  return Buffer.concat([type, box('mdat', frame), meta]);
}

const version0 = '\0\0\0\0';

/** @param parts bytes, and text in Latin-1 */
function box(type: string, ...parts: (Buffer | string)[]): Buffer {
  const data = parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part));
  const length = data.reduce((sum, part) => sum + part.length, 8);
  return Buffer.concat([uint32(length), Buffer.from(type, 'latin1'), ...data]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
