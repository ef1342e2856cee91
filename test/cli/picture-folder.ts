import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writePng } from '../../lib/decode/encode.ts';

/** Writes `count` different small PNG pictures `000.png` … into a new folder. */
export async function writePictures(folder: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await writePicture(join(folder, `${String(i).padStart(3, '0')}.png`), i);
  }
}

/** Writes a picture of 24x18 pixels; each seed gives another picture. */
export async function writePicture(path: string, seed: number): Promise<void> {
  const [width, height] = [24, 18];
  const rgb = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * (7 + seed) + seed * 31) % 256);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, await writePng(rgb, width, height));
}

/** Writes files that are not valid pictures. Returns the failure code of each. */
export function writeBadFiles(folder: string): Record<string, string> {
  const bad: Record<string, [content: string, code: string]> = {
    'empty.jpg': ['', 'empty_object'],
    'page.png': ['<html>no picture</html>', 'unsupported_format'],
    'broken.png': ['\u0089PNG\r\n\u001a\n', 'corrupt_image'],
    'drawing.svg': ['<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>', 'unsupported_format'],
  };
  for (const [name, [content]] of Object.entries(bad)) {
    writeFileSync(join(folder, name), content, 'latin1');
  }
  return Object.fromEntries(Object.entries(bad).map(([name, [, code]]) => [name, code]));
}
