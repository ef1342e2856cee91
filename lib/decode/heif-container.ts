/** A box of the ISO base media file format (ISO/IEC 14496-12). */
export interface Box {
  type: string;
  data: Buffer;
}

/** The boxes in a file or in a box. The last one may be cut off. */
export function* boxes(data: Buffer): Generator<Box> {
  for (let at = 0; at + 8 <= data.length; ) {
    const short = data.readUInt32BE(at);
    const type = data.toString('latin1', at + 4, at + 8);
    // 1 announces a length of 64 bits, 0 a box that ends with its parent.
    const long = short === 1 && at + 16 <= data.length;
    const size = long ? Number(data.readBigUInt64BE(at + 8)) : short || data.length - at;
    const head = long ? 16 : 8;
    if (size < head) return;
    yield { type, data: data.subarray(at + head, at + size) };
    at += size;
  }
}

/** The first box of a type in a box. */
export function child(data: Buffer | undefined, type: string): Buffer | undefined {
  if (data) for (const box of boxes(data)) if (box.type === type) return box.data;
  return undefined;
}

/** Version and flags of a full box (bytes). */
const versionBytes = 4;

function metaBox(bytes: Uint8Array): Buffer | undefined {
  return child(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), 'meta')?.subarray(versionBytes);
}

/** Brand of AVIF; the only one by which libvips recognises AV1. */
const avifBrand = 'avif';

/** Where a file names its major brand, behind the length and type of its first box (bytes). */
const majorBrandAt = 8;

/**
 * A still AVIF of a picture coded in AV1: the same bytes, except for the major brand. libvips refuses animations (avis)
 * and takes the brands of the container (mif1, miaf, msf1) for HEVC. Most animations hold their first frame as a still
 * picture too; for others see avif-track.ts.
 */
export function asStillAvif(bytes: Uint8Array): Uint8Array {
  const still = Buffer.from(bytes);
  still.write(avifBrand, majorBrandAt, 'latin1');
  return still;
}

/** Types of coded pictures, as items and in tracks (ISO/IEC 23008-12 and its amendments), with the names of their codings. */
const codings: Readonly<Record<string, string>> = {
  av01: 'AV1',
  hvc1: 'HEVC (HEIC)',
  hvc2: 'HEVC (HEIC)',
  hev1: 'HEVC (HEIC)',
  lhv1: 'layered HEVC',
  avc1: 'H.264',
  avc3: 'H.264',
  vvc1: 'VVC',
  vvi1: 'VVC',
  evc1: 'EVC',
  j2k1: 'JPEG 2000',
  jpeg: 'JPEG',
  unci: 'no compression',
};

/** The name of a coding, by the type of an item or of a track. */
export function codingName(type: string): string {
  return codings[type] ?? `an unknown coding${/^\w{4}$/.test(type) ? ` (${type})` : ''}`;
}

/** Types of pictures that are put together of others. */
const derived = new Set(['grid', 'iovl', 'iden', 'tmap']);

/**
 * The coding of the primary picture of a HEIF file. A picture that is put together of others has the coding of the
 * first one. Undefined if there is none: the file is cut off, or it holds only an animation.
 */
export function heifCoding(bytes: Uint8Array): string | undefined {
  const meta = metaBox(bytes);
  const primary = primaryItem(meta);
  let first: string | undefined;
  for (const { number, type } of items(meta)) {
    if (number === primary && !derived.has(type)) return codingName(type);
    first ??= codings[type];
  }
  return first;
}

/** Whether the container rotates or mirrors a picture. */
export function heifTurnsItself(bytes: Uint8Array): boolean {
  const properties = child(child(metaBox(bytes), 'iprp'), 'ipco');
  return child(properties, 'irot') !== undefined || child(properties, 'imir') !== undefined;
}

function primaryItem(meta: Buffer | undefined): number {
  const box = child(meta, 'pitm');
  if (!box || box.length < versionBytes + 2) return 0;
  const long = box[0] !== 0 && box.length >= versionBytes + 4;
  return long ? box.readUInt32BE(versionBytes) : box.readUInt16BE(versionBytes);
}

/** The number and the type of each item. */
function* items(meta: Buffer | undefined): Generator<{ number: number; type: string }> {
  const info = child(meta, 'iinf');
  // A count precedes the entries: 2 bytes in version 0, else 4.
  const entries = info?.subarray(versionBytes + (info[0] === 0 ? 2 : 4));
  if (!entries) return;
  for (const { type, data } of boxes(entries)) {
    // Items have types since version 2. Version 3 has numbers of 4 bytes.
    const numberBytes = data[0] === 3 ? 4 : 2;
    const typeAt = versionBytes + numberBytes + 2;
    if (type !== 'infe' || (data[0] ?? 0) < 2 || data.length < typeAt + 4) continue;
    yield { number: data.readUIntBE(versionBytes, numberBytes), type: data.toString('latin1', typeAt, typeAt + 4) };
  }
}
