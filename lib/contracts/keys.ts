import { z } from 'zod';
import type { StoredObject } from '../ports/object-store.ts';
import { utf8Length } from './key-order.ts';
import { maxKeyBytes } from './limits.ts';

/** Suffix that a result key adds to its input key. */
export const resultSuffix = '.json';

/** Key of a picture in the input bucket: 1 to 1,024 bytes of UTF-8. */
export const inputKey = z
  .string()
  .min(1)
  .refine((key) => key.isWellFormed(), 'expected well-formed Unicode, received a lone surrogate')
  .refine((key) => utf8Length(key) <= maxKeyBytes, `expected at most ${maxKeyBytes} bytes of UTF-8`);

/** Whether an object is the empty one that the S3 console stores to show a folder. It is no picture. */
export function isFolderMarker({ key, size }: Pick<StoredObject, 'key' | 'size'>): boolean {
  return size === 0 && key.endsWith('/');
}

/**
 * Whether a key is that of an outcome, of whichever stack and model: `results/<name>-<12 hex>/….json`, and the same below
 * `results-long/`. Such an object is never taken as a picture, or two stacks wired in a circle would feed each other.
 */
export function isOutcomeKey(key: string): boolean {
  return /^results(-long)?\/[A-Za-z0-9][A-Za-z0-9._-]*-[0-9a-f]{12}\/.+\.json$/s.test(key);
}

/** Whether a listed object may be a picture: neither a folder marker nor an outcome. */
export function mayBePicture(object: Pick<StoredObject, 'key' | 'size'>): boolean {
  return !isFolderMarker(object) && !isOutcomeKey(object.key);
}

/** `<name>-<hash>`: a path segment that is safe in keys, file names and message attributes. */
export const modelId = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/);

/** Prefix of a model's outcomes. */
export function resultPrefix(modelId: string): string {
  return `results/${modelId}/`;
}

/** Prefix of the outcomes whose keys would be too long under {@link resultPrefix}. */
export function longResultPrefix(modelId: string): string {
  return `results-long/${modelId}/`;
}

/**
 * Key of a picture's outcome under a model: `results/<model id>/<input key>.json`. If that is too long for a key:
 * `results-long/<model id>/<sha256 of the input key>.json`.
 *
 * @param sha256 returns the hash of a text's UTF-8 bytes in lower-case hex
 */
export function resultKey(modelId: string, inputKey: string, sha256: (text: string) => string): string {
  if (hasLongResultKey(modelId, inputKey)) return longResultPrefix(modelId) + sha256(inputKey) + resultSuffix;
  return resultPrefix(modelId) + inputKey + resultSuffix;
}

/** True if the picture's outcome is under `results-long/` because its key would be too long. */
export function hasLongResultKey(modelId: string, inputKey: string): boolean {
  // A UTF-16 unit takes at most three bytes, so most keys need no exact count.
  const around = resultPrefix(modelId).length + resultSuffix.length;
  return inputKey.length * 3 + around > maxKeyBytes && utf8Length(inputKey) + around > maxKeyBytes;
}

/** Input key of an outcome under {@link resultPrefix}; undefined for every other key. */
export function inputKeyOf(modelId: string, resultKey: string): string | undefined {
  const prefix = resultPrefix(modelId);
  if (!resultKey.startsWith(prefix) || !resultKey.endsWith(resultSuffix)) return undefined;
  const key = resultKey.slice(prefix.length, -resultSuffix.length);
  return key === '' || resultKey.length < prefix.length + resultSuffix.length ? undefined : key;
}
