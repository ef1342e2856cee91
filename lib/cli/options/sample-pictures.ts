import { join, relative } from 'node:path';
import { quoted } from '../invocation.ts';

const SAMPLE_PICTURES = join(import.meta.dirname, '..', '..', '..', 'test', 'fixtures', 'pictures');

/** Path of one of the sample pictures. */
export function samplePicturePath(name: string): string {
  return join(SAMPLE_PICTURES, name);
}

/** The sample pictures, or one of them, as a word of a shell that works from where the user stands. */
export function samplePictures(name = ''): string {
  const path = join(SAMPLE_PICTURES, name);
  const short = relative(process.cwd(), path);
  return quoted(short === '' ? '.' : short.startsWith('..') ? path : short);
}
