import { constants, gunzipSync } from 'node:zlib';

/** What a file claims to be in its first bytes. `bmp` and `pdf` are known only to be refused by name. */
export type PictureFormat = 'jpeg' | 'png' | 'webp' | 'gif' | 'tiff' | 'heif' | 'svg' | 'bmp' | 'pdf';

/** How far into a file an `<svg` is looked for: past an XML declaration, a document type and a comment, bytes. */
const SVG_SEARCH = 4096;

/** ISO media brands of AVIF and HEIC: still pictures only. */
const HEIF_BRANDS = new Set(['avif', 'avis', 'mif1', 'msf1', 'heic', 'heix', 'hevc', 'heim', 'heis', 'hevm', 'hevs']);

/**
 * Tells a picture's format by its content, never by its name; undefined when nothing fits. A gzipped SVG counts as
 * SVG, so that no SVG slips through where they are refused.
 */
export function pictureFormat(bytes: Uint8Array): PictureFormat | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, SVG_SEARCH));
  const starts = (text: string, offset = 0) => head.toString('latin1', offset, offset + text.length) === text;
  if (starts('\xff\xd8\xff')) return 'jpeg';
  if (starts('\x89PNG\r\n\x1a\n')) return 'png';
  if (starts('RIFF') && starts('WEBP', 8)) return 'webp';
  if (starts('GIF87a') || starts('GIF89a')) return 'gif';
  // Classic and Big TIFF, either byte order.
  if (starts('II*\0') || starts('MM\0*') || starts('II+\0') || starts('MM\0+')) return 'tiff';
  if (starts('ftyp', 4) && HEIF_BRANDS.has(head.toString('latin1', 8, 12))) return 'heif';
  if (starts('BM')) return 'bmp';
  if (starts('%PDF')) return 'pdf';
  return isSvg(starts('\x1f\x8b') ? unzipStart(head) : head) ? 'svg' : undefined;
}

function isSvg(head: Buffer): boolean {
  return /<(\w+:)?svg\b/i.test(head.toString('latin1'));
}

/** The first bytes of a gzip stream, of which only the start is at hand. */
function unzipStart(head: Buffer): Buffer {
  try {
    // Z_SYNC_FLUSH gives what there is instead of failing at the cut. 4 KB can inflate to 4 MB at most.
    return gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, SVG_SEARCH);
  } catch {
    return Buffer.alloc(0);
  }
}
