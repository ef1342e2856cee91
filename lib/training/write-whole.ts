import { rename, writeFile } from 'node:fs/promises';

/** Writes a small file that takes its name when it is whole; what had the name goes only then. */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.tmp`;
  await writeFile(temporary, content, { flush: true });
  await rename(temporary, path);
}
