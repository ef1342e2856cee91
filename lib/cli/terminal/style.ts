import type { Writable } from 'node:stream';
import { styleText } from 'node:util';

/** `text` in red where `stream` is a terminal that shows colours; NO_COLOR and FORCE_COLOR are heard. */
export function red(text: string, stream: Writable): string {
  return styleText('red', text, { stream });
}
