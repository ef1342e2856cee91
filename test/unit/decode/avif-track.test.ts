import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { firstFrame } from '../../../lib/decode/avif-track.ts';
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
    const moov = track.indexOf('moov') - 4;
    const [start, end] = [track.indexOf('trak') - 4, moov + track.readUInt32BE(moov)];
    const alpha = Buffer.from(track.subarray(start, end));
    alpha.write('auxv', alpha.indexOf('pict'), 'latin1');
    const two = Buffer.concat([track.subarray(0, end), alpha, track.subarray(end)]);
    two.writeUInt32BE(end - moov + alpha.length, moov);
    expect(firstFrame(two)).toBeUndefined();
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
