import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

const folder = new URL('../fixtures/golden/quant/', import.meta.url);

/** Reference values of Pillow and NumPy for a picture: the resized pixels and their tokens in both palettes. */
interface GoldenCase {
  /** `<filter>_<size>`, or `eval224crop_bilinear_32`. */
  key: string;
  rgb?: number[];
  p512: number[];
  p16?: number[];
}

function json<T>(bytes: Uint8Array): T {
  return JSON.parse(Buffer.from(bytes).toString('utf8'));
}

type Expected = { shape: [number, number, 3] } & Record<string, unknown>;

const expected = json<Record<string, Expected>>(gunzipSync(readFileSync(new URL('expected.json.gz', folder))));

export const goldenNames = Object.keys(expected);

export function goldenCases(name: string): GoldenCase[] {
  const { shape: _, ...cases } = expected[name]!;
  return Object.entries(cases).map(([key, value]) => ({ key, ...(value as Omit<GoldenCase, 'key'>) }));
}

const palettes = json<{ palette512: number[][]; palette16: number[][] }>(
  readFileSync(new URL('palettes.json', folder)),
);

export const palette512 = Float32Array.from(palettes.palette512.flat());
export const palette16 = Float32Array.from(palettes.palette16.flat());

/** RGB of each centroid of `palette512`, by its index. */
export const decoded512 = json<Record<string, [number, number, number]>>(
  readFileSync(new URL('decode512.json', folder)),
);

/** A golden picture as PNG bytes and as RGB [height, width, 3]. */
export function goldenPicture(name: string): { png: Uint8Array; rgb: Uint8Array; width: number; height: number } {
  const npy = readFileSync(new URL(`${name}.npy`, folder));
  const [height, width] = expected[name]!.shape;
  // NPY version 1: magic, version, header length at byte 8, header, then the raster.
  const rgb = new Uint8Array(npy.subarray(10 + npy.readUInt16LE(8)));
  return { png: readFileSync(new URL(`${name}.png`, folder)), rgb, width, height };
}
