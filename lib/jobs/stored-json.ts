import type { z } from 'zod';
import { ImageGptError } from '../ports/error.ts';
import type { ObjectStore } from '../ports/object-store.ts';

/** A batch job cannot begin, go on, or be read. */
export class JobError extends ImageGptError {}

/** A value as the bytes of a JSON file that people can read. */
export function jsonBytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, undefined, 2)}\n`);
}

/**
 * The JSON file at `key`; undefined when there is none.
 *
 * @throws {JobError} `batch_file_damaged` when it is not what `schema` says
 */
export async function readJson<T>(store: ObjectStore, key: string, schema: z.ZodType<T>): Promise<T | undefined> {
  const read = await store.get(key);
  if (read.status !== 'found') return undefined;
  try {
    return schema.parse(JSON.parse(new TextDecoder().decode(read.body)));
  } catch (cause) {
    throw new JobError(
      'batch_file_damaged',
      `Expected ${key} to be as igpt batch wrote it, but it cannot be read: restore it, or delete the directory and begin again.`,
      { cause },
    );
  }
}
