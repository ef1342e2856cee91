import { constants, gunzipSync } from 'node:zlib';
import { refusedFormat } from './refused-formats.ts';

/** The accepted formats, each with its name in messages and the only libvips loader that may decode it. */
export const acceptedFormats = {
  jpeg: { name: 'JPEG', loader: 'VipsForeignLoadJpegBuffer' },
  png: { name: 'PNG', loader: 'VipsForeignLoadPngBuffer' },
  webp: { name: 'WebP', loader: 'VipsForeignLoadWebpBuffer' },
  gif: { name: 'GIF', loader: 'VipsForeignLoadNsgifBuffer' },
  tiff: { name: 'TIFF', loader: 'VipsForeignLoadTiffBuffer' },
  // Other codings in the same container, such as HEIC's HEVC, are refused: see heif-container.ts.
  heif: { name: 'AVIF', loader: 'VipsForeignLoadHeifBuffer' },
  // Only when the user allows it.
  svg: { name: 'SVG', loader: 'VipsForeignLoadSvgBuffer' },
} as const;

export type AcceptedFormat = keyof typeof acceptedFormats;

/** The formats that need no permission, in words: `JPEG, PNG, … or AVIF`. */
export function photographFormats(): string {
  const { svg: _, ...photographs } = acceptedFormats;
  const names = Object.values(photographs).map(({ name }) => name);
  return `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}

/** How much of a file is searched for `<svg` (bytes): enough to skip an XML declaration, a doctype and a comment. */
const svgSearchBytes = 4096;

/** ISO media brands of AVIF, HEIC and other pictures in HEIF. The major brand may be any; one must be among the others. */
const heifBrands = new Set([
  ...['avif', 'avis', 'avio', 'mif1', 'mif2', 'mif3', 'msf1', 'miaf'],
  ...['heic', 'heix', 'hevc', 'hevx', 'heim', 'heis', 'hevm', 'hevs'],
  ...['avci', 'avcs', 'vvic', 'vvis', 'evbi', 'evbs', 'j2ki', 'j2is', 'jpeg', 'jpgs', 'unif'],
]);

function isHeif(head: Buffer): boolean {
  if (head.toString('latin1', 4, 8) !== 'ftyp') return false;
  const length = Math.min(head.readUInt32BE(0), head.length);
  // The major brand, a version, then compatible brands.
  const offsets = Array.from({ length: Math.floor(length / 4) }, (_, i) => i * 4).filter((at) => at === 8 || at >= 16);
  return offsets.some((at) => heifBrands.has(head.toString('latin1', at, at + 4)));
}

/** The first bytes of a file, by which its format is recognised. */
export function pictureHead(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, svgSearchBytes));
}

/**
 * Detects the format of a picture from its content; undefined when it is no accepted one. The file name does not matter.
 * A gzipped SVG counts as SVG, so that it is refused wherever SVG is refused.
 */
export function pictureFormat(bytes: Uint8Array): AcceptedFormat | undefined {
  const head = pictureHead(bytes);
  const starts = (text: string, offset = 0) => head.toString('latin1', offset, offset + text.length) === text;
  if (starts('\xff\xd8\xff')) return 'jpeg';
  if (starts('\x89PNG\r\n\x1a\n')) return 'png';
  if (starts('RIFF') && starts('WEBP', 8)) return 'webp';
  if (starts('GIF87a') || starts('GIF89a')) return 'gif';
  // Classic TIFF and BigTIFF, in both byte orders.
  if (starts('II*\0') || starts('MM\0*') || starts('II+\0') || starts('MM\0+')) return 'tiff';
  if (isHeif(head)) return 'heif';
  if (refusedFormat(head) !== undefined) return undefined;
  return isSvg(starts('\x1f\x8b') ? unzipStart(head) : head) ? 'svg' : undefined;
}

function isSvg(head: Buffer): boolean {
  return /<(\w+:)?svg\b/i.test(head.toString('latin1'));
}

/** The first bytes inside a gzip stream that is cut off. */
function unzipStart(head: Buffer): Buffer {
  try {
    // Z_SYNC_FLUSH returns what was unpacked before the cut instead of failing. 4 KB inflate to 4 MB at most.
    return gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, svgSearchBytes);
  } catch {
    return Buffer.alloc(0);
  }
}
