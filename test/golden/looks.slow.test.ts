import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { decodePicture, restrictLibvips } from '../../lib/decode/decode-picture.ts';
import { temporaryFolder } from '../cli/igpt-process.ts';
import { pythonEnvironment } from '../support/python.ts';

const environment = await pythonEnvironment('requirements-pictures.txt');

const pictureList = z.array(z.strictObject({ file: z.string(), width: z.int(), height: z.int() }));

/** Pictures that a script beside this file made, and how far each is from the script's own pixels (levels). */
async function distances(script: string): Promise<Map<string, number | string>> {
  using folder = temporaryFolder();
  const python = 'python' in environment ? environment.python : '';
  await promisify(execFile)(python, [join(import.meta.dirname, script), folder.path]);
  const pictures = pictureList.parse(JSON.parse(readFileSync(join(folder.path, 'list.json'), 'utf8')));
  const found = new Map<string, number | string>();
  for (const { file, width, height } of pictures) {
    const recipe = { width, height, resample: 0, crop: 'none' } as const;
    const settings = { recipe, maxPixels: 1e6, allowSvg: false, scaledDecoding: false };
    const ours = await decodePicture(readFileSync(join(folder.path, file)), settings);
    const theirs = readFileSync(join(folder.path, `${file}.rgb`));
    const same = ours.width === width && ours.height === height;
    const distance = theirs.reduce((most, level, i) => Math.max(most, Math.abs(level - ours.rgb[i]!)), 0);
    found.set(file, same ? distance : `${ours.width} x ${ours.height} in place of ${width} x ${height}`);
  }
  return found;
}

/** What a decoder may differ by (levels). A picture that is turned or not converted differs by more than 100. */
function tolerance(file: string): number {
  // Lossy: the decoders round differently. AVIF's convert YCbCr differently too.
  if (file.endsWith('.avif')) return 12;
  if (file.endsWith('.jpg')) return 4;
  // LittleCMS gets four inks of 16 bits from us, and of 8 bits in the reference.
  if (file.startsWith('CMYK')) return 3;
  return 2;
}

describe.skipIf('missing' in environment)('decodePicture, on generated files', () => {
  beforeAll(() => restrictLibvips(true));

  it.each([
    ['turns pictures as Pillow does, wherever their orientation is', 'orientation_reference.py', 769],
    ['converts profiles as LittleCMS does, in 8 and 16 bits', 'profiles_reference.py', 390],
  ])('%s', async (_, script, count) => {
    const found = await distances(script);
    const far = [...found].filter(([file, distance]) => typeof distance === 'string' || distance > tolerance(file));
    expect(far).toEqual([]);
    expect(found.size).toBe(count);
  });
});
