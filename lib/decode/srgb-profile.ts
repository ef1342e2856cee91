/** Red, green and blue primaries of sRGB in an ICC profile's XYZ (D50), as in every sRGB profile. */
const srgbPrimaries = {
  rXYZ: [0.436, 0.2225, 0.0139],
  gXYZ: [0.3851, 0.7169, 0.0971],
  bXYZ: [0.1431, 0.0606, 0.7141],
} as const;

/** sRGB profiles round their primaries. The primaries of Display P3 and Adobe RGB differ by more than 0.05. */
const primaryTolerance = 0.003;

/** Tolerance (8-bit levels). Compact sRGB profiles approximate the curve to within 1; a gamma of 2.2 differs by 6. */
const curveTolerance = 1;

/** Converts an encoded value to linear light, both 0 to 1. */
type Curve = (encoded: number) => number;

/**
 * Whether an embedded ICC profile is sRGB. If so, the pixels are used unchanged, as Pillow and transformers do: the
 * slow conversion would only add rounding errors.
 *
 * Recognises matrix profiles only, by their numbers and not by their name. Anything unusual is not sRGB.
 */
export function isSrgbProfile(profile: Uint8Array): boolean {
  // A copy, so that an offset past the profile's end is out of bounds instead of other memory of Node's pool.
  const view = new DataView(Uint8Array.from(profile).buffer);
  try {
    return text(view, 16) === 'RGB ' && text(view, 20) === 'XYZ ' && describesSrgb(readTags(view));
  } catch (error) {
    // The profile is untrusted: an offset outside it means that it is damaged, so not sRGB.
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function describesSrgb(tags: Map<string, DataView>): boolean {
  // ICC readers prefer a lookup table to the matrix.
  if (tags.has('A2B0')) return false;
  const primaries = Object.entries(srgbPrimaries).every(([name, expected]) => {
    const tag = tags.get(name);
    return (
      tag !== undefined && expected.every((value, i) => Math.abs(fixed16(tag, 8 + i * 4) - value) <= primaryTolerance)
    );
  });
  return (
    primaries &&
    ['rTRC', 'gTRC', 'bTRC'].every((name) => {
      const tag = tags.get(name);
      const curve = tag && readCurve(tag);
      return curve !== undefined && isSrgbCurve(curve);
    })
  );
}

function isSrgbCurve(curve: Curve): boolean {
  for (let level = 0; level <= 255; level += 1) {
    if (!(Math.abs(encodeSrgb(curve(level / 255)) * 255 - level) <= curveTolerance)) return false;
  }
  return true;
}

function encodeSrgb(linear: number): number {
  return linear <= 0.0031308 ? linear * 12.92 : 1.055 * linear ** (1 / 2.4) - 0.055;
}

function readTags(view: DataView): Map<string, DataView> {
  const tags = new Map<string, DataView>();
  const count = view.getUint32(128);
  for (let i = 0; i < count; i += 1) {
    const entry = 132 + i * 12;
    const [offset, length] = [view.getUint32(entry + 4), view.getUint32(entry + 8)];
    tags.set(text(view, entry), new DataView(view.buffer, offset, length));
  }
  return tags;
}

/** `curv` or `para` (ICC.1:2022, 10.6 and 10.18). */
function readCurve(tag: DataView): Curve | undefined {
  if (text(tag, 0) === 'curv') return readSampledCurve(tag);
  if (text(tag, 0) !== 'para') return undefined;
  const kind = tag.getUint16(8);
  // Only the type of sRGB's own formula: linear below d, a power above.
  if (kind !== 3) return undefined;
  const [g = 0, a = 0, b = 0, c = 0, d = 0] = [0, 1, 2, 3, 4].map((i) => fixed16(tag, 12 + i * 4));
  return (x) => (x >= d ? (a * x + b) ** g : c * x);
}

function readSampledCurve(tag: DataView): Curve | undefined {
  const count = tag.getUint32(8);
  // Zero samples mean the identity and one sample means a gamma: neither is sRGB.
  if (count < 2) return undefined;
  const sample = (i: number) => tag.getUint16(12 + i * 2) / 65_535;
  return (x) => {
    const at = x * (count - 1);
    const low = Math.min(Math.floor(at), count - 2);
    return sample(low) + (at - low) * (sample(low + 1) - sample(low));
  };
}

function fixed16(view: DataView, offset: number): number {
  return view.getInt32(offset) / 65_536;
}

function text(view: DataView, offset: number): string {
  return String.fromCharCode(...[0, 1, 2, 3].map((i) => view.getUint8(offset + i)));
}
