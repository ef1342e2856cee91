import { createHash } from 'node:crypto';

/** Digest of all bits of `values`: comparing long arrays element by element takes vitest seconds. */
export function digest(values: Float32Array): string {
  return createHash('sha1')
    .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    .digest('hex');
}
