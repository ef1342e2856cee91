import sharp from 'sharp';

/** Levels of 8 bits. */
const levels = 256;

/** TIFF field types. */
const short = 3;
const long = 4;
const undefinedBytes = 7;

/** Whether an ICC profile describes greys (ICC.1:2022, 7.2.8). */
export function isGreyProfile(profile: Uint8Array): boolean {
  return Buffer.from(profile.subarray(16, 20)).toString('latin1') === 'GRAY';
}

/** Whether red, green and blue of every pixel are equal: [pixels, channels]. */
export function isGrey(pixels: Uint8Array, channels: number): boolean {
  for (let at = 0; at < pixels.length; at += channels) {
    if (pixels[at] !== pixels[at + 1] || pixels[at] !== pixels[at + 2]) return false;
  }
  return true;
}

/**
 * The sRGB colour [256, 3] of each grey level under an ICC profile. A profile that is damaged or not for greys changes
 * nothing. sharp applies profiles to greys of 8 bits only, so other pictures are converted by this table.
 */
export async function greyProfileColors(profile: Uint8Array): Promise<Uint8Array> {
  return sharp(greyRamp(profile)).toColourspace('srgb').raw().toBuffer();
}

/** A TIFF of one row with every level, and the profile. TIFF, because libpng drops some profiles that libtiff keeps. */
function greyRamp(profile: Uint8Array): Buffer {
  const header = Buffer.from([0x49, 0x49, 42, 0, 8, 0, 0, 0]);
  const pixels = Buffer.from(Array.from({ length: levels }, (_, level) => level));
  const fields: [tag: number, type: number, count: number, value: number][] = [
    [256, short, 1, levels],
    [257, short, 1, 1],
    [258, short, 1, 8],
    [259, short, 1, 1],
    [262, short, 1, 1],
    [273, long, 1, header.length],
    [277, short, 1, 1],
    [278, short, 1, 1],
    [279, long, 1, levels],
    [34_675, undefinedBytes, profile.length, header.length + levels],
  ];
  const directory = Buffer.alloc(2 + fields.length * 12 + 4);
  directory.writeUInt16LE(fields.length);
  for (const [i, [tag, type, count, value]] of fields.entries()) {
    const at = 2 + i * 12;
    directory.writeUInt16LE(tag, at);
    directory.writeUInt16LE(type, at + 2);
    directory.writeUInt32LE(count, at + 4);
    directory.writeUInt32LE(value, at + 8);
  }
  // The directory begins at an even offset.
  const padding = Buffer.alloc(profile.length % 2);
  header.writeUInt32LE(header.length + pixels.length + profile.length + padding.length, 4);
  return Buffer.concat([header, pixels, profile, padding, directory]);
}
