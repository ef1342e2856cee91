import { createHash } from 'node:crypto';
import type { DataSet } from './data/data-set.ts';

/** Every option that changes what a training computes, by name; null: not given. */
export type TrainingSettings = Readonly<Record<string, string | number | boolean | null>>;

/** `--batch was 64, now 32` for each setting that differs. A setting that only one version of igpt knows is ignored. */
export function differences(before: TrainingSettings, now: TrainingSettings): string[] {
  return Object.keys(now)
    .filter((name) => name in before && before[name] !== now[name])
    .map((name) => `${name} was ${shown(before[name])}, now ${shown(now[name])}`);
}

/** SHA-256 over tokens and labels (hex). */
export function dataHash({ tokens, labels, tokensPerPicture }: DataSet, more: readonly Uint8Array[] = []): string {
  return sha256(String(tokensPerPicture), tokens, ...(labels === undefined ? [] : [labels]), ...more);
}

/** SHA-256 over a text and the bytes of arrays (hex). */
export function sha256(text: string, ...arrays: readonly (Uint8Array | Uint16Array | Int32Array)[]): string {
  const hash = createHash('sha256').update(text);
  for (const part of arrays) hash.update(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
  return hash.digest('hex');
}

/** Characters shown of a value: enough to tell two hashes apart. */
const shownLength = 40;

function shown(value: TrainingSettings[string] | undefined): string {
  return value === undefined || value === null ? 'not given' : String(value).slice(0, shownLength);
}
