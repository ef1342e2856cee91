import type { z } from 'zod';
import { ImageGptError } from '../ports/error.ts';
import type { ObjectStore } from '../ports/object-store.ts';

/** A job cannot start, continue or be read. */
export class JobError extends ImageGptError {}

/** A value as the bytes of an indented JSON file. */
export function jsonBytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, undefined, 2)}\n`);
}

/**
 * Reads the JSON file at `key`; undefined when there is none.
 *
 * @throws {JobError} `batch_file_damaged` when it does not match `schema`
 */
export async function readJson<T>(store: ObjectStore, key: string, schema: z.ZodType<T>): Promise<T | undefined> {
  const read = await store.get(key);
  if (read.status !== 'found') return undefined;
  try {
    return schema.parse(JSON.parse(new TextDecoder().decode(read.body)));
  } catch (cause) {
    throw new JobError(
      'batch_file_damaged',
      `Expected ${key} as igpt batch wrote it, but it is damaged: restore it, or delete the directory and start again.`,
      { cause },
    );
  }
}
