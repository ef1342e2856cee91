import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { isSrgbProfile } from '../../../lib/decode/srgb-profile.ts';
import { iccProfile, xyzTag } from '../../support/icc-profile.ts';

async function profileOf(name: 'srgb' | 'p3'): Promise<Buffer> {
  const picture = sharp({ create: { width: 1, height: 1, channels: 3, background: '#888' } });
  const { icc } = await sharp(await picture.withIccProfile(name).png().toBuffer()).metadata();
  return icc!;
}

const srgbXyz = { rXYZ: [0.4361, 0.2225, 0.0139], gXYZ: [0.3851, 0.7169, 0.0971], bXYZ: [0.1431, 0.0606, 0.7141] };

/** A matrix profile with one curve for all three channels. */
function profile(curve: Buffer, xyz: Record<string, number[]> = srgbXyz, more: Record<string, Buffer> = {}): Buffer {
  return iccProfile('RGB ', [
    ...Object.entries(xyz).map(([name, values]): [string, Buffer] => [name, xyzTag(values)]),
    ...['rTRC', 'gTRC', 'bTRC'].map((name): [string, Buffer] => [name, curve]),
    ...Object.entries(more),
  ]);
}

function sampledCurve(samples: number[]): Buffer {
  const tag = Buffer.alloc(12 + samples.length * 2);
  tag.write('curv', 'latin1');
  tag.writeUInt32BE(samples.length, 8);
  for (const [i, sample] of samples.entries()) tag.writeUInt16BE(Math.round(sample * 65_535), 12 + i * 2);
  return tag;
}

function formulaCurve(kind: number, parameters: number[]): Buffer {
  const tag = Buffer.alloc(12 + parameters.length * 4);
  tag.write('para', 'latin1');
  tag.writeUInt16BE(kind, 8);
  for (const [i, parameter] of parameters.entries()) tag.writeInt32BE(Math.round(parameter * 65_536), 12 + i * 4);
  return tag;
}

const srgbFormula = formulaCurve(3, [2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045]);
const srgbSamples = Array.from({ length: 1024 }, (_, i) => {
  const x = i / 1023;
  return x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;
});

describe('isSrgbProfile', () => {
  it("recognises libvips' own sRGB profile, and refuses Display P3", async () => {
    expect(isSrgbProfile(await profileOf('srgb'))).toBe(true);
    expect(isSrgbProfile(await profileOf('p3'))).toBe(false);
  });

  it("recognises sRGB's curve as a formula and as samples", () => {
    expect(isSrgbProfile(profile(srgbFormula))).toBe(true);
    expect(isSrgbProfile(profile(sampledCurve(srgbSamples)))).toBe(true);
  });

  it('refuses a plain gamma, an identity, another kind of formula and an invalid curve', () => {
    for (const curve of [
      sampledCurve(Array.from({ length: 256 }, (_, i) => (i / 255) ** 2.2)),
      sampledCurve([]),
      sampledCurve([0.5]),
      formulaCurve(0, [2.4]),
      Buffer.from('textno curve'),
    ]) {
      expect(isSrgbProfile(profile(curve))).toBe(false);
    }
  });

  it("refuses Adobe RGB's primaries with sRGB's curve, and a profile without one of the primaries", () => {
    const adobe = { rXYZ: [0.6097, 0.3111, 0.0195], gXYZ: [0.2053, 0.6257, 0.0609], bXYZ: [0.1492, 0.0632, 0.7446] };
    expect(isSrgbProfile(profile(srgbFormula, adobe))).toBe(false);
    const { rXYZ, gXYZ } = srgbXyz;
    expect(isSrgbProfile(profile(srgbFormula, { rXYZ, gXYZ }))).toBe(false);
  });

  it('refuses a profile with a lookup table, which readers prefer to the matrix', () => {
    expect(isSrgbProfile(profile(srgbFormula, srgbXyz, { A2B0: Buffer.alloc(16) }))).toBe(false);
  });

  it('refuses a damaged profile, wherever it is cut', () => {
    const whole = profile(srgbFormula);
    for (let length = 0; length < whole.length; length += 1) {
      expect(isSrgbProfile(new Uint8Array(whole.subarray(0, length))), `${length} bytes`).toBe(false);
    }
  });

  it('refuses a profile that announces a billion tags', () => {
    const many = profile(srgbFormula);
    many.writeUInt32BE(1_000_000_000, 128);
    expect(isSrgbProfile(new Uint8Array(many))).toBe(false);
  });
});
