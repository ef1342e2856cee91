import { createHash } from 'node:crypto';

/** Lower-case hex; of a text its UTF-8 bytes. */
export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}
