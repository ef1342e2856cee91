import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { unsupportedCoding } from '../../../lib/decode/unsupported-coding.ts';
import { pngChunk } from '../../support/picture-containers.ts';

let jpeg: Buffer;

beforeAll(async () => {
  jpeg = await sharp({ create: { width: 8, height: 8, channels: 3, background: '#888' } })
    .jpeg()
    .toBuffer();
});

/** The JPEG with another frame header: its marker, bits per sample and number of channels. */
function frame(marker: number, bits = 8, channels = 3): Buffer {
  const changed = Buffer.from(jpeg);
  const at = changed.indexOf(Buffer.from([0xff, 0xc0]));
  changed[at + 1] = marker;
  changed[at + 4] = bits;
  changed[at + 9] = channels;
  return changed;
}

describe('unsupportedCoding', () => {
  it.each([
    [0xc3, 'lossless coding'],
    [0xc5, 'hierarchical coding'],
    [0xca, 'arithmetic coding'],
    [0xcb, 'lossless arithmetic coding'],
    [0xf7, 'JPEG-LS coding'],
  ])('names the frame header %i: %s', (marker, coding) => {
    expect(unsupportedCoding(frame(marker), 'jpeg')).toBe(coding);
  });

  it('names the bits and the channels of a JPEG that has unusual ones', () => {
    expect(unsupportedCoding(frame(0xc1, 12), 'jpeg')).toBe('12 bits per sample');
    expect(unsupportedCoding(frame(0xc2, 8, 5), 'jpeg')).toBe('5 channels');
  });

  it("names Apple's variant of PNG", () => {
    const png = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), pngChunk('CgBI', '\x50\0\x20\x02')]);
    expect(unsupportedCoding(png, 'png')).toBe("Apple's CgBI coding");
  });

  it('has no objection to a usual JPEG, to one without a frame, to PNG and to other formats', () => {
    for (const usual of [jpeg, frame(0xc2), frame(0xc0, 8, 1), frame(0xc0, 8, 4), jpeg.subarray(0, 20)])
      expect(unsupportedCoding(usual, 'jpeg')).toBeUndefined();
    expect(unsupportedCoding(Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), 'png')).toBeUndefined();
    expect(unsupportedCoding(frame(0xc3), 'webp')).toBeUndefined();
  });
});
