import { open } from 'node:fs/promises';
import { fileHash } from '../weights-hash.ts';

/** Takes the place of the seal while a file is being written. SHA-256, hex. */
const noDigits = '0'.repeat(64);

/** Goes first into the metadata of a file that will be sealed. */
export const noSeal = { sha256: noDigits } as const;

/** The header's length and the beginning of its JSON: streamSafetensors writes metadata first, and them in their order. */
const digitsStart = 8 + '{"__metadata__":{"sha256":"'.length;

/** What the seal is made of begins here: the rest of the header, and all data. */
const digitsEnd = digitsStart + noDigits.length;

/** Writes the SHA-256 of all that stands behind it into a safetensors file whose metadata began with {@link noSeal}. */
export async function sealFile(path: string): Promise<void> {
  const seal = await fileHash(path, digitsEnd);
  await using file = await open(path, 'r+');
  await file.write(seal, digitsStart, 'latin1');
  await file.sync();
}

/**
 * Whether a sealed file is as it was written. What stands before the seal, a header that was read has been checked by:
 * without it there would be no `sha256`, or no tensors that fill the file.
 */
export async function isSound(path: string, { sha256 }: Readonly<Record<string, string>>): Promise<boolean> {
  return sha256 === (await fileHash(path, digitsEnd));
}
