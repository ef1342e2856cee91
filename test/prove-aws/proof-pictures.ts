import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FailureCode } from '../../lib/ports/error.ts';

export interface ProofPicture {
  key: string;
  body: Uint8Array;
  /** Expected outcome. */
  expected: 'succeeded' | FailureCode;
}

const pictures = join(import.meta.dirname, '../fixtures/pictures');

const good = [
  'animals/cat.jpg',
  'animals/cat-sideways.jpg',
  'food/coffee.webp',
  'people/photographer.png',
  'space/rocket.jpg',
  'textures/gravel.tiff',
  'things/clock.gif',
  'things/eye-retina.avif',
];

/** Folder names with characters that S3 encodes in notifications and listings. */
const folders = ['plain', 'with space', 'plus+and%25', 'ümläut/☂', "quote'&=?"];

/** Makes `count` pictures. `bad` of them, spread evenly, are bad in one of four ways. */
export function proofPictures(count: number, bad: number): ProofPicture[] {
  const files = good.map((name) => ({ name, body: readFileSync(join(pictures, name)) }));
  const photograph = files[0]?.body ?? new Uint8Array();
  const text = (words: string): Uint8Array => new TextEncoder().encode(words);
  const faults: Omit<ProofPicture, 'key'>[] = [
    { body: new Uint8Array(), expected: 'empty_object' },
    { body: text('no picture at all'), expected: 'unsupported_format' },
    { body: photograph.subarray(0, 600), expected: 'corrupt_image' },
    { body: text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'), expected: 'unsupported_format' },
  ];
  let badSoFar = 0;
  return Array.from({ length: count }, (_, i) => {
    const folder = folders[i % folders.length];
    const isBad = Math.floor(((i + 1) * bad) / count) > badSoFar;
    const fault = isBad ? faults[badSoFar++ % faults.length] : undefined;
    if (fault !== undefined) return { key: `proof/${folder}/${i} bad.jpg`, ...fault };
    const file = files[i % files.length];
    return { key: `proof/${folder}/${i} ${file?.name}`, body: file?.body ?? photograph, expected: 'succeeded' };
  });
}
