import { deflateSync } from 'node:zlib';

/** Values of a tag and their type. */
export interface Tag {
  type: 'byte' | 'short' | 'long' | 'rational';
  values: readonly number[];
}

/** A TIFF to write. */
export interface TiffOptions {
  width: number;
  height: number;
  /** As stored, [height, width, samples]. A level is the bits of a sample, also of a signed or floating-point one. */
  levels: readonly number[];
  samples: number;
  /** Bits per sample: 1 to 64. */
  bits: number;
  photometric: number;
  /** Tag ExtraSamples. Default: no such tag. */
  extraSamples?: readonly number[] | undefined;
  /** Tag Compression. The data is written for 1, 5 (LZW), 8 and 32946 (deflate) and 32773 (PackBits), else as for 1. */
  compression?: number | undefined;
  /** One plane per sample. */
  planar?: boolean | undefined;
  /** Tiles of 16x16 pixels. Default: strips of `rowsPerStrip`. */
  tiled?: boolean | undefined;
  rowsPerStrip?: number | undefined;
  /** Tag Predictor: 2 is horizontal differencing, of 8 or 16 bits. */
  predictor?: 2 | undefined;
  /** Tag FillOrder 2: the bits of each byte in reverse. */
  reversedBits?: boolean | undefined;
  bigEndian?: boolean | undefined;
  bigTiff?: boolean | undefined;
  /** What the strips or tiles hold before compression, in place of `levels`: for subsampled YCbCr. */
  segments?: readonly Buffer[] | undefined;
  /** Further tags, or other values of the ones above; undefined leaves a tag out. */
  tags?: Readonly<Record<number, Tag | undefined>> | undefined;
}

/** Shorthands for tags. */
export const byte = (...values: number[]): Tag => ({ type: 'byte', values });
export const short = (...values: number[]): Tag => ({ type: 'short', values });
export const long = (...values: number[]): Tag => ({ type: 'long', values });
export const rational = (...values: number[]): Tag => ({ type: 'rational', values });

const tileSide = 16;

/** TIFF's numbers and sizes of the types (bytes). */
const types = {
  byte: { code: 1, size: 1 },
  short: { code: 3, size: 2 },
  long: { code: 4, size: 4 },
  rational: { code: 5, size: 8 },
} as const;

/** Writes a TIFF of one page (TIFF 6.0, BigTIFF). Tests describe files with it that no usual writer makes. */
export function tiffFile(options: TiffOptions): Buffer {
  const { width, height, samples, bits, compression = 1, bigEndian = false, bigTiff = false } = options;
  const rowsPerStrip = options.rowsPerStrip ?? height;
  const segments = options.segments
    ? options.segments.map((segment) => compress(segment, compression))
    : layOut(options).map((segment) => encode(segment, options));
  const headerSize = bigTiff ? 16 : 8;
  const offsets = segments.map((_, i) => headerSize + segments.slice(0, i).reduce((sum, s) => sum + s.length, 0));
  const lengths = segments.map((segment) => segment.length);
  const tile = { 322: short(tileSide), 323: short(tileSide), 324: long(...offsets), 325: long(...lengths) };
  const strip = { 273: long(...offsets), 278: long(rowsPerStrip), 279: long(...lengths) };
  const tags: Record<number, Tag | undefined> = {
    256: long(width),
    257: long(height),
    258: short(...Array<number>(samples).fill(bits)),
    259: short(compression),
    262: short(options.photometric),
    277: short(samples),
    284: short(options.planar ? 2 : 1),
    ...(options.tiled ? tile : strip),
    ...(options.extraSamples && { 338: short(...options.extraSamples) }),
    ...(options.predictor && { 317: short(options.predictor) }),
    ...(options.reversedBits && { 266: short(2) }),
    ...options.tags,
  };
  const data = Buffer.concat(segments);
  return Buffer.concat([
    header(headerSize + data.length, bigEndian, bigTiff),
    data,
    directory(headerSize + data.length, tags, bigEndian, bigTiff),
  ]);
}

/** Writes integers in the file's byte order. */
function integer(size: number, value: number, bigEndian: boolean): Buffer {
  const bytes = Buffer.alloc(size);
  for (let i = 0; i < size; i += 1)
    bytes[bigEndian ? size - 1 - i : i] = Number((BigInt(value) >> BigInt(8 * i)) & 255n);
  return bytes;
}

function header(directoryAt: number, bigEndian: boolean, bigTiff: boolean): Buffer {
  const mark = Buffer.from(bigEndian ? 'MM' : 'II');
  const number = (size: number, value: number) => integer(size, value, bigEndian);
  return bigTiff
    ? Buffer.concat([mark, number(2, 43), number(2, 8), number(2, 0), number(8, directoryAt)])
    : Buffer.concat([mark, number(2, 42), number(4, directoryAt)]);
}

/** One directory, followed by the values that do not fit into an entry. */
function directory(at: number, tags: Record<number, Tag | undefined>, bigEndian: boolean, bigTiff: boolean): Buffer {
  const word = bigTiff ? 8 : 4;
  const number = (size: number, value: number) => integer(size, value, bigEndian);
  const present = Object.entries(tags).flatMap(([id, tag]) => (tag ? [{ id: Number(id), ...tag }] : []));
  const countSize = bigTiff ? 8 : 2;
  const entrySize = 4 + 2 * word;
  const after = at + countSize + present.length * entrySize + word;
  const entries: Buffer[] = [number(countSize, present.length)];
  const outside: Buffer[] = [];
  for (const { id, type, values } of present) {
    const { code, size } = types[type];
    const value = Buffer.concat(
      values.map((v) =>
        type === 'rational' ? Buffer.concat([number(4, Math.round(v * 10_000)), number(4, 10_000)]) : number(size, v),
      ),
    );
    entries.push(number(2, id), number(2, code), number(word, values.length));
    if (value.length <= word) {
      entries.push(value, Buffer.alloc(word - value.length));
    } else {
      entries.push(number(word, after + outside.reduce((sum, o) => sum + o.length, 0)));
      outside.push(value);
    }
  }
  return Buffer.concat([...entries, number(word, 0), ...outside]);
}

/** Rows of samples of one strip or tile. */
type Segment = number[][];

function layOut({ width, height, levels, samples, planar, tiled, rowsPerStrip = height }: TiffOptions): Segment[] {
  const [segmentWidth, segmentHeight] = tiled ? [tileSide, tileSide] : [width, rowsPerStrip];
  const planes = planar
    ? Array.from({ length: samples }, (_, s) => [s])
    : [Array.from({ length: samples }, (_, s) => s)];
  const segments: Segment[] = [];
  for (const plane of planes) {
    for (let top = 0; top < height; top += segmentHeight) {
      for (let left = 0; left < width; left += segmentWidth) {
        const rows = tiled ? segmentHeight : Math.min(segmentHeight, height - top);
        segments.push(
          Array.from({ length: rows }, (_, y) =>
            Array.from({ length: segmentWidth }, (_, x) =>
              plane.map((s) => {
                const inside = top + y < height && left + x < width;
                return inside ? (levels[((top + y) * width + left + x) * samples + s] ?? 0) : 0;
              }),
            ).flat(),
          ),
        );
      }
    }
  }
  return segments;
}

function encode(segment: Segment, options: TiffOptions): Buffer {
  const { samples, bits, planar, predictor, reversedBits, compression = 1 } = options;
  const step = planar ? 1 : samples;
  const differenced = predictor
    ? segment.map((row) => row.map((level, i) => (level - (i < step ? 0 : (row[i - step] ?? 0))) & (2 ** bits - 1)))
    : segment;
  const packed = Buffer.concat(differenced.map((row) => packRow(row, options)));
  const data = compress(packed, compression);
  return reversedBits
    ? (data.map((b) => Number.parseInt(b.toString(2).padStart(8, '0').split('').reverse().join(''), 2)) as Buffer)
    : data;
}

/** Whole bytes in the file's order; other sizes from the high bit on. A row ends on a byte. */
function packRow(row: readonly number[], { bits, bigEndian = false }: TiffOptions): Buffer {
  if (bits % 8 === 0) return Buffer.concat(row.map((level) => integer(bits / 8, level, bigEndian)));
  const digits = row.map((level) => level.toString(2).padStart(bits, '0')).join('');
  return Buffer.from(digits.match(/.{1,8}/g)?.map((octet) => Number.parseInt(octet.padEnd(8, '0'), 2)) ?? []);
}

function compress(data: Buffer, compression: number): Buffer {
  if (compression === 5) return lzw(data);
  if (compression === 8 || compression === 32946) return deflateSync(data);
  if (compression === 32773) return packBits(data);
  return data;
}

/** Literal runs only. */
function packBits(data: Buffer): Buffer {
  const runs: Buffer[] = [];
  for (let i = 0; i < data.length; i += 128) {
    const run = data.subarray(i, i + 128);
    runs.push(Buffer.from([run.length - 1]), run);
  }
  return Buffer.concat(runs);
}

/** Literal codes of 9 bits only: the table is cleared before longer codes would be due. */
function lzw(data: Buffer): Buffer {
  const [clear, end, literals] = [256, 257, 250];
  const codes: number[] = [];
  for (let i = 0; i < data.length; i += literals) codes.push(clear, ...data.subarray(i, i + literals));
  codes.push(end);
  return packRow(codes, { bits: 9 } as TiffOptions);
}
