/** A marker segment of a JPEG (ITU-T T.81, B.1.1.4). */
export interface JpegSegment {
  /** The byte behind 0xff, for instance 0xe1 for APP1. */
  marker: number;
  data: Buffer;
}

const startOfScan = 0xda;
const endOfImage = 0xd9;

/** TEM, RST0 to RST7 and SOI have no content. */
function standsAlone(marker: number): boolean {
  return marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);
}

/** The segments before the first scan. Skips fill bytes and stray bytes between them, as Pillow and libjpeg do. */
export function* jpegSegments(bytes: Uint8Array): Generator<JpegSegment> {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at + 4 <= file.length) {
    const marker = file.readUInt8(at + 1);
    if (file.readUInt8(at) !== 0xff || marker === 0xff || marker === 0) {
      at += 1;
    } else if (standsAlone(marker)) {
      at += 2;
    } else {
      if (marker === startOfScan || marker === endOfImage) return;
      const end = at + 2 + file.readUInt16BE(at + 2);
      yield { marker, data: file.subarray(at + 4, end) };
      at = Math.max(end, at + 2);
    }
  }
}
