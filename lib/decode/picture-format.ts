import { constants, gunzipSync } from 'node:zlib';

/** The accepted formats, each with its name in messages and the only libvips loader that may decode it. */
export const acceptedFormats = {
  jpeg: { name: 'JPEG', loader: 'VipsForeignLoadJpegBuffer' },
  png: { name: 'PNG', loader: 'VipsForeignLoadPngBuffer' },
  webp: { name: 'WebP', loader: 'VipsForeignLoadWebpBuffer' },
  gif: { name: 'GIF', loader: 'VipsForeignLoadNsgifBuffer' },
  tiff: { name: 'TIFF', loader: 'VipsForeignLoadTiffBuffer' },
  // HEIC has the same container, but its coding (HEVC) is not supported.
  heif: { name: 'AVIF', loader: 'VipsForeignLoadHeifBuffer' },
  // Only when the user allows it.
  svg: { name: 'SVG', loader: 'VipsForeignLoadSvgBuffer' },
} as const;

export type AcceptedFormat = keyof typeof acceptedFormats;

/** The format that the first bytes of a file indicate. `bmp` and `pdf` are recognised only to be refused by name. */
export type PictureFormat = AcceptedFormat | 'bmp' | 'pdf';

/** Whether a picture of this format can be decoded. */
export function isAccepted(format: PictureFormat): format is AcceptedFormat {
  return format in acceptedFormats;
}

/** The formats that need no permission, in words: `JPEG, PNG, … or AVIF`. */
export function photographFormats(): string {
  const { svg: _, ...photographs } = acceptedFormats;
  const names = Object.values(photographs).map(({ name }) => name);
  return `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}

/** How much of a file is searched for `<svg` (bytes): enough to skip an XML declaration, a doctype and a comment. */
const svgSearchBytes = 4096;

/** ISO media brands of AVIF and HEIC: still pictures only. */
const heifBrands = new Set(['avif', 'avis', 'mif1', 'msf1', 'heic', 'heix', 'hevc', 'heim', 'heis', 'hevm', 'hevs']);

/**
 * Detects the format of a picture from its content; undefined when it is unknown. The file name does not matter.
 * A gzipped SVG counts as SVG, so that it is refused wherever SVG is refused.
 */
export function pictureFormat(bytes: Uint8Array): PictureFormat | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, svgSearchBytes));
  const starts = (text: string, offset = 0) => head.toString('latin1', offset, offset + text.length) === text;
  if (starts('\xff\xd8\xff')) return 'jpeg';
  if (starts('\x89PNG\r\n\x1a\n')) return 'png';
  if (starts('RIFF') && starts('WEBP', 8)) return 'webp';
  if (starts('GIF87a') || starts('GIF89a')) return 'gif';
  // Classic TIFF and BigTIFF, in both byte orders.
  if (starts('II*\0') || starts('MM\0*') || starts('II+\0') || starts('MM\0+')) return 'tiff';
  if (starts('ftyp', 4) && heifBrands.has(head.toString('latin1', 8, 12))) return 'heif';
  if (starts('BM')) return 'bmp';
  if (starts('%PDF')) return 'pdf';
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
