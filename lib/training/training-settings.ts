import { createHash } from 'node:crypto';
import type { DataSet } from './data/data-set.ts';

/** Everything that changes the result of a training, by option name; null: not given. */
export type TrainingSettings = Readonly<Record<string, string | number | boolean | null>>;

/** A line such as `--batch was 64, now 32` for every setting that differs. Ignores settings that only one version has. */
export function differences(before: TrainingSettings, now: TrainingSettings): string[] {
  return Object.keys(now)
    .filter((name) => name in before && before[name] !== now[name])
    .map((name) => `${name} was ${shown(before[name])}, now ${shown(now[name])}`);
}

/** SHA-256 of tokens and labels (hex). */
export function dataHash({ tokens, labels, tokensPerPicture }: DataSet, more: readonly Uint8Array[] = []): string {
  const hash = createHash('sha256').update(String(tokensPerPicture));
  for (const part of [tokens, ...(labels === undefined ? [] : [labels]), ...more]) {
    hash.update(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
  }
  return hash.digest('hex');
}

function shown(value: TrainingSettings[string] | undefined): string {
  return value === undefined || value === null ? 'not given' : String(value).slice(0, shownNames);
}

/** Most characters of a value in a message: enough to tell two hashes apart. */
const shownNames = 40;
