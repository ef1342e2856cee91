import { createHash } from 'node:crypto';

/** SHA-1 of the bytes of `values`. Use it for long arrays, which vitest compares slowly. */
export function digest(values: Float32Array): string {
  return createHash('sha1')
    .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    .digest('hex');
}
