import { jpegSegments } from './jpeg-segments.ts';
import type { AcceptedFormat } from './picture-format.ts';
import { pngChunks } from './png-chunks.ts';

/** Frame headers of JPEGs that libjpeg cannot decode (ITU-T T.81, table B.1; ITU-T T.87 for JPEG-LS). */
const jpegFrames: ReadonlyMap<number, string> = new Map([
  [0xc3, 'lossless coding'],
  [0xc5, 'hierarchical coding'],
  [0xc6, 'hierarchical coding'],
  [0xc7, 'hierarchical coding'],
  [0xc9, 'arithmetic coding'],
  [0xca, 'arithmetic coding'],
  [0xcb, 'lossless arithmetic coding'],
  [0xcd, 'hierarchical arithmetic coding'],
  [0xce, 'hierarchical arithmetic coding'],
  [0xcf, 'hierarchical arithmetic coding'],
  [0xf7, 'JPEG-LS coding'],
]);

const baseline = 0xc0;
const extended = 0xc1;
const progressive = 0xc2;

function jpegCoding(bytes: Uint8Array): string | undefined {
  for (const { marker, data } of jpegSegments(bytes)) {
    const coding = jpegFrames.get(marker);
    if (coding !== undefined) return coding;
    if (marker !== baseline && marker !== extended && marker !== progressive) continue;
    const [bits = 8, channels = 3] = [data[0], data[5]];
    if (bits !== 8) return `${bits} bits per sample`;
    return [1, 3, 4].includes(channels) ? undefined : `${channels} channels`;
  }
  return undefined;
}

/** Apple's own variant for iOS applications, which no other decoder reads, begins with a chunk of its own. */
function pngCoding(bytes: Uint8Array): string | undefined {
  for (const { type } of pngChunks(bytes)) return type === 'CgBI' ? "Apple's CgBI coding" : undefined;
  return undefined;
}

/**
 * Why a sound picture cannot be decoded, in words that follow "a JPEG with"; undefined if its coding is a known one.
 * Call it only for pictures that the decoder has refused: it does not know what the decoder can decode.
 */
export function unsupportedCoding(bytes: Uint8Array, format: AcceptedFormat): string | undefined {
  if (format === 'jpeg') return jpegCoding(bytes);
  if (format === 'png') return pngCoding(bytes);
  return undefined;
}
