import type { Metadata, Sharp } from 'sharp';
import {
  type EmbeddedMetadata,
  jpegMetadata,
  pngMetadata,
  webpMetadata,
  withoutExifPrefix,
} from './embedded-metadata.ts';
import { heifTurnsItself } from './heif-container.ts';
import { type IfdField, readFirstIfd } from './ifd.ts';
import type { AcceptedFormat } from './picture-format.ts';

/** The blocks that libvips has found. Only those of an AVIF are used. */
type LibvipsMetadata = Pick<Metadata, 'exif' | 'xmp'>;

/** EXIF's orientation: which sides of the picture the first row and the first column are. 1 is upright. */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

/** Tags of a directory: the orientation, and an XMP packet (TIFF only). */
const orientationTag = 274;
const xmpTag = 700;

/**
 * The orientation of a picture where Pillow 13's `ImageOps.exif_transpose` finds it, which transformers' `load_image`
 * calls: in the first directory of the EXIF block (or of the TIFF), else in the XMP packet. A tag with an invalid value
 * and a block without a TIFF header mean upright, and XMP is not read.
 */
export function pictureOrientation(bytes: Uint8Array, format: AcceptedFormat, metadata: LibvipsMetadata): Orientation {
  const { exif, xmp } = findMetadata(bytes, format, metadata);
  const fields = exif && exif.length > 0 ? readFirstIfd(exif) : new Map<number, IfdField>();
  const field = fields?.get(orientationTag);
  // libheif has applied the container's own rotation, which replaces EXIF's (ISO/IEC 23008-12, annex A.2.1).
  if (format === 'heif' && (field || heifTurnsItself(bytes))) return 1;
  if (field) return validOrientation(field.number);
  if (!fields) return 1;
  return xmpOrientation(format === 'tiff' ? fields.get(xmpTag)?.data : xmp);
}

function findMetadata(bytes: Uint8Array, format: AcceptedFormat, metadata: LibvipsMetadata): EmbeddedMetadata {
  switch (format) {
    case 'jpeg':
      return jpegMetadata(bytes);
    case 'png':
      return pngMetadata(bytes);
    case 'webp':
      return webpMetadata(bytes);
    case 'tiff':
      return { exif: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), xmp: undefined };
    case 'heif':
      return { exif: metadata.exif && withoutExifPrefix(metadata.exif), xmp: metadata.xmp };
    default:
      return { exif: undefined, xmp: undefined };
  }
}

/** How XMP names the orientation. Pillow searches for this text, so other prefixes and single quotes do not count. */
const xmpName = 'tiff:Orientation';

/** The first orientation in an XMP packet, as an attribute or an element: `="6"` or `>6`. */
function xmpOrientation(xmp: Buffer | undefined): Orientation {
  for (let at = xmp?.indexOf(xmpName) ?? -1; xmp && at >= 0; at = xmp.indexOf(xmpName, at + 1)) {
    const value = at + xmpName.length;
    // Without this look ahead, a packet of 50 MB that repeats the name takes seconds.
    if (xmp[value] !== 0x3d && xmp[value] !== 0x3e) continue;
    const digit = /^(?:="|>)(\d)/.exec(xmp.toString('latin1', value, value + 3))?.[1];
    if (digit !== undefined) return validOrientation(Number(digit));
  }
  return 1;
}

function validOrientation(value: number): Orientation {
  const known = [1, 2, 3, 4, 5, 6, 7, 8] as const;
  return known.find((orientation) => orientation === value) ?? 1;
}

/** What makes a picture upright: mirrored first, then turned clockwise (degrees). */
const turns = {
  1: { mirror: undefined, angle: 0 },
  2: { mirror: 'flop', angle: 0 },
  3: { mirror: undefined, angle: 180 },
  4: { mirror: 'flip', angle: 0 },
  5: { mirror: 'flop', angle: 270 },
  6: { mirror: undefined, angle: 90 },
  7: { mirror: 'flop', angle: 90 },
  8: { mirror: undefined, angle: 270 },
} as const;

/** Turns a picture upright. */
export function upright(image: Sharp, orientation: Orientation): Sharp {
  const { mirror, angle } = turns[orientation];
  const mirrored = mirror ? image[mirror]() : image;
  return angle === 0 ? mirrored : mirrored.rotate(angle);
}

/** Whether width and height change places. */
export function liesOnItsSide(orientation: Orientation): boolean {
  return orientation >= 5;
}
