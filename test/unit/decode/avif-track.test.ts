import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { firstFrame, trackCoding } from '../../../lib/decode/avif-track.ts';
import { decodePicture, restrictLibvips } from '../../../lib/decode/decode-picture.ts';

const animation = readFileSync(new URL('../../fixtures/golden/looks/sequence.avif', import.meta.url));

/** An animation with a name of four letters replaced, where it follows another one. */
function renamed(file: Buffer, behind: string, from: string, to: string): Buffer {
  const changed = Buffer.from(file);
  changed.write(to, changed.indexOf(from, changed.indexOf(behind)), 'latin1');
  return changed;
}

/** An animation that holds no still picture: libavif reads it, libvips does not. */
const track = renamed(animation, 'ftyp', 'meta', 'free');

/** The animation with a copy of its track as alpha. */
function withAlphaTrack(): Buffer {
  const moov = track.indexOf('moov') - 4;
  const [start, end] = [track.indexOf('trak') - 4, moov + track.readUInt32BE(moov)];
  const alpha = Buffer.from(track.subarray(start, end));
  alpha.write('auxv', alpha.indexOf('pict'), 'latin1');
  const two = Buffer.concat([track.subarray(0, end), alpha, track.subarray(end)]);
  two.writeUInt32BE(end - moov + alpha.length, moov);
  return two;
}

const settings = {
  recipe: { width: 16, height: 16, resample: 0, crop: 'none' },
  maxPixels: 1e6,
  allowSvg: false,
  scaledDecoding: false,
} as const;

beforeAll(() => restrictLibvips(true));

describe('firstFrame', () => {
  it('makes a still picture of the first frame, with the pixels of the one that the file had', async () => {
    const [of, expected] = await Promise.all([decodePicture(track, settings), decodePicture(animation, settings)]);
    expect(of).toEqual(expected);
  });

  it('reads a size that all frames share', async () => {
    const sizes = track.indexOf('stsz') + 8;
    const shared = Buffer.from(track);
    shared.writeUInt32BE(track.readUInt32BE(sizes + 8), sizes);
    expect(await decodePicture(shared, settings)).toEqual(await decodePicture(track, settings));
  });

  it('is undefined without a track of pictures, without AV1, and if a second track holds alpha', () => {
    expect(firstFrame(renamed(track, 'ftyp', 'moov', 'free'))).toBeUndefined();
    expect(firstFrame(renamed(track, 'moov', 'pict', 'soun'))).toBeUndefined();
    expect(firstFrame(renamed(track, 'moov', 'stsz', 'free'))).toBeUndefined();
    expect(firstFrame(renamed(track, 'stsd', 'av01', 'hvc1'))).toBeUndefined();
    expect(firstFrame(withAlphaTrack())).toBeUndefined();
  });

  it('ends for an animation that is cut off, wherever', () => {
    for (let length = 0; length < track.length; length += 1) {
      expect(() => firstFrame(Uint8Array.from(track.subarray(0, length))), `${length} bytes`).not.toThrow();
    }
  });

  it('leaves a frame outside the file to the decoder, which calls it damaged', async () => {
    const far = Buffer.from(track);
    far.writeUInt32BE(0xfffffff0, far.indexOf('stco') + 12);
    await expect(decodePicture(far, settings)).rejects.toMatchObject({ code: 'corrupt_image' });
  });
});

describe('trackCoding', () => {
  it('names the coding of the first track of pictures, and alpha in another one', () => {
    expect(trackCoding(track)).toBe('AV1');
    expect(trackCoding(withAlphaTrack())).toBe('AV1 with alpha in a second track');
    expect(trackCoding(renamed(track, 'stsd', 'av01', 'hvc1'))).toBe('HEVC (HEIC)');
    expect(trackCoding(renamed(track, 'stsd', 'av01', 'av02'))).toBe('an unknown coding (av02)');
    expect(trackCoding(renamed(track, 'moov', 'pict', 'soun'))).toBe('an unknown coding');
    expect(trackCoding(renamed(track, 'ftyp', 'moov', 'free'))).toBeUndefined();
  });

  it('is named when the animation is refused; a damaged one in AV1 is called damaged', async () => {
    const hevc = renamed(track, 'stsd', 'av01', 'hev1');
    await expect(decodePicture(hevc, settings)).rejects.toMatchObject({
      code: 'unsupported_format',
      message: expect.stringContaining('received an animation in HEVC (HEIC), which') as unknown,
    });
    const noSizes = renamed(track, 'moov', 'stsz', 'free');
    await expect(decodePicture(noSizes, settings)).rejects.toMatchObject({ code: 'corrupt_image' });
  });
});
