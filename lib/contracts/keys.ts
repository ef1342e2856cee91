import { z } from 'zod';
import { utf8Length } from './key-order.ts';
import { maxKeyBytes } from './limits.ts';

/** What a result key adds to its input key. */
export const resultSuffix = '.json';

/** Key of a picture in the input bucket: 1 to 1,024 bytes of UTF-8. */
export const inputKey = z
  .string()
  .min(1)
  .refine((key) => key.isWellFormed(), 'expected well-formed Unicode, received a lone surrogate')
  .refine((key) => utf8Length(key) <= maxKeyBytes, `expected at most ${maxKeyBytes} bytes of UTF-8`);

/** `<name>-<hash>`: one path segment that is safe in a key, a file name and a message attribute. */
export const modelId = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/);

/** Where the outcomes of a model lie. */
export function resultPrefix(modelId: string): string {
  return `results/${modelId}/`;
}

/** Where those lie whose keys would be too long there. */
export function longResultPrefix(modelId: string): string {
  return `results-long/${modelId}/`;
}

/**
 * Key of the outcome for one picture and model: `results/<model id>/<input key>.json`, or, where that is longer
 * than a key may be, `results-long/<model id>/<sha256 of the input key>.json`. `sha256` returns lower-case hex of
 * the UTF-8 bytes.
 */
export function resultKey(modelId: string, inputKey: string, sha256: (text: string) => string): string {
  if (hasLongResultKey(modelId, inputKey)) return longResultPrefix(modelId) + sha256(inputKey) + resultSuffix;
  return resultPrefix(modelId) + inputKey + resultSuffix;
}

/** True when the outcome of this picture is not under {@link resultPrefix} but under `results-long/`. */
export function hasLongResultKey(modelId: string, inputKey: string): boolean {
  // No UTF-16 unit takes more than three bytes, so most keys need no counting.
  const around = resultPrefix(modelId).length + resultSuffix.length;
  return inputKey.length * 3 + around > maxKeyBytes && utf8Length(inputKey) + around > maxKeyBytes;
}

/** The picture that an outcome under {@link resultPrefix} belongs to; undefined for every other key. */
export function inputKeyOf(modelId: string, resultKey: string): string | undefined {
  const prefix = resultPrefix(modelId);
  if (!resultKey.startsWith(prefix) || !resultKey.endsWith(resultSuffix)) return undefined;
  const key = resultKey.slice(prefix.length, -resultSuffix.length);
  return key === '' || resultKey.length < prefix.length + resultSuffix.length ? undefined : key;
}
