import { basename } from 'node:path';
import type { z } from 'zod';
import { excessOf, maxJsonBytes } from './bounded-json.ts';
import { CheckpointError, type CheckpointErrorCode } from './error.ts';
import { openFile } from './open-file.ts';

/**
 * Reads and validates a small JSON file of a checkpoint.
 *
 * @returns undefined if there is no such file
 * @throws CheckpointError with `code` if it cannot be read, is not JSON, or does not match the schema
 */
export async function readJsonFile<T>(
  path: string,
  schema: z.ZodType<T>,
  code: CheckpointErrorCode,
): Promise<T | undefined> {
  const file = basename(path);
  const text = await readText(path, code);
  if (text === undefined) {
    return undefined;
  }
  const excess = excessOf(text);
  if (excess !== undefined) {
    throw new CheckpointError(code, `${file} has ${excess}; expected a file as transformers writes it.`);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new CheckpointError(code, `${file} is not valid JSON; correct it, or download it again.`, { cause });
  }
  return parseJson(json, schema, file, code);
}

/** Validates the contents of a JSON file; `file` is used in the message. */
export function parseJson<T>(json: unknown, schema: z.ZodType<T>, file: string, code: CheckpointErrorCode): T {
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    throw new CheckpointError(code, `${file} is not as expected: ${firstIssue(parsed.error)}.`, {
      cause: parsed.error,
    });
  }
  return parsed.data;
}

async function readText(path: string, code: CheckpointErrorCode): Promise<string | undefined> {
  await using file = await openFile(path, code);
  if (file === undefined) {
    return undefined;
  }
  const { size } = await file.stat();
  if (size > maxJsonBytes) {
    throw new CheckpointError(code, `${basename(path)} has ${size} bytes; expected at most ${maxJsonBytes}.`);
  }
  return await file.readFile('utf8');
}

/** The first thing that is wrong, and where: `lfs.size: expected number, received string`. */
export function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  if (issue === undefined) {
    return 'invalid';
  }
  const where = issue.path.join('.');
  return where === '' ? issue.message : `${where}: ${issue.message}`;
}
