import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type DecodeSettings, decodePicture, restrictLibvips } from '../../../lib/decode/decode-picture.ts';
import { PictureError } from '../../../lib/ports/error.ts';
import { pythonEnvironment } from '../../support/python.ts';
import { tiffFile } from '../../support/tiff-file.ts';
import { storagesOf, tiffKinds, tiffOf } from '../../support/tiff-matrix.ts';

const environment = await pythonEnvironment('requirements-pictures.txt');
const missing = 'missing' in environment ? environment.missing : undefined;

const size = { width: z.int(), height: z.int() };
const referenceSchema = z.record(
  z.string(),
  z.union([z.strictObject({ ...size, pixels: z.base64() }), z.strictObject({ error: z.string() })]),
);

/** What one of the two readers makes of a file. */
type Reading = { width: number; height: number; pixels: Uint8Array } | { error: string };

async function read(file: string): Promise<Reading> {
  const bytes = readFileSync(file);
  const decode = (width: number, height: number) => {
    const recipe: DecodeSettings['recipe'] = { width, height, resample: 2, crop: 'none' };
    return decodePicture(bytes, { recipe, maxPixels: 1e6, allowSvg: false, scaledDecoding: false });
  };
  try {
    const { width, height } = await decode(1, 1);
    return { width, height, pixels: (await decode(width, height)).rgb };
  } catch (error) {
    if (!(error instanceof PictureError)) throw error;
    return { error: error.code };
  }
}

/** The greatest difference of a level between both readings; a sentence where they cannot be compared. */
function difference(ours: Reading, pillows: Reading): number | string {
  if ('error' in ours) return ours.error;
  if ('error' in pillows) return 'only ours reads it';
  if (ours.width !== pillows.width || ours.height !== pillows.height) return 'another size';
  return ours.pixels.reduce((far, level, i) => Math.max(far, Math.abs(level - (pillows.pixels[i] ?? Number.NaN))), 0);
}

/**
 * Where Pillow 13 is known to be wrong or to decide otherwise (docs/models.md): of grey whose zero is white, it does not
 * invert 16 bits or planes; it mixes up the bytes of 16-bit planes; it converts CMYK without a profile by a simple formula.
 */
const notByPillow = /white-is-zero 16 bits|(white-is-zero|16 bits).* in planes|CMYK/;

describe.skipIf(missing !== undefined)(`TIFFs, compared with Pillow (${missing ?? 'installed'})`, () => {
  const readings = new Map<string, Reading>();
  const differences = new Map<string, number | string>();

  beforeAll(async () => {
    if ('missing' in environment) return;
    restrictLibvips(false);
    const folder = mkdtempSync(join(tmpdir(), 'tiff-'));
    for (const kind of tiffKinds) {
      for (const { name, options } of storagesOf(kind)) {
        writeFileSync(join(folder, `${kind.name} in ${name}.tif`), tiffFile(tiffOf(kind, options)));
      }
    }
    const script = join(import.meta.dirname, 'tiff_reference.py');
    await promisify(execFile)(environment.python, [script, folder]);
    const reference = referenceSchema.parse(JSON.parse(readFileSync(join(folder, 'reference.json'), 'utf8')));
    for (const file of readdirSync(folder).filter((name) => name.endsWith('.tif'))) {
      const name = basename(file, '.tif');
      const entry = reference[name] ?? { error: 'missing' };
      const pillows = 'error' in entry ? entry : { ...entry, pixels: Buffer.from(entry.pixels, 'base64') };
      const reading = await read(join(folder, file));
      readings.set(name, reading);
      differences.set(name, difference(reading, pillows));
    }
  });

  /** Files whose name fits, and how far Pillow's pixels are. */
  const those = (fits: (name: string) => boolean) => [...differences].filter(([name]) => fits(name));
  const isMade = (name: string) => /^(pillow|tifffile) /.test(name);

  it('reads every kind and storage as Pillow does, where Pillow reads it', () => {
    const matrix = those((name) => !isMade(name) && !notByPillow.test(name));
    const compared = matrix.filter(([, far]) => typeof far === 'number');
    expect(compared.length).toBeGreaterThan(250);
    const far = compared.filter(([name, levels]) => Number(levels) > (/extra.*1/.test(name) ? 2 : 0));
    expect(far).toEqual([]);
    // Pillow reads fewer samples after the colours than we do. The fast test knows the right levels.
    expect(matrix.filter(([, result]) => typeof result === 'string' && result !== 'only ours reads it')).toEqual([]);
  });

  it('reads what Pillow and tifffile write as Pillow does, or refuses it as unsupported', () => {
    const made = those((name) => isMade(name) && !notByPillow.test(name));
    const refused = made.filter(([, result]) => typeof result === 'string');
    expect(new Set(refused.map(([, result]) => result))).toEqual(new Set(['unsupported_format']));
    expect(refused.every(([name]) => /lzma|zstd|LAB|pillow [FI] |type/.test(name))).toBe(true);
    expect(made.filter(([name, result]) => Number(result) > (name.includes('assocalpha') ? 2 : 0))).toEqual([]);
    expect(made.length - refused.length).toBeGreaterThan(100);
  });

  it('reads the same colours from CMYK in every storage', () => {
    const kinds = tiffKinds.filter(({ name }) => name.startsWith('CMYK'));
    expect(kinds).toHaveLength(6);
    for (const kind of kinds) {
      const [first, ...others] = storagesOf(kind).map(({ name }) => readings.get(`${kind.name} in ${name}`));
      expect(others).toHaveLength(12);
      for (const other of others) expect(other).toEqual(first);
    }
  });

  it('never calls one of these files damaged', () => {
    expect(those((name) => differences.get(name) === 'corrupt_image')).toEqual([]);
  });
});
