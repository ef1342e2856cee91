import { createReadStream } from 'node:fs';
import { printable } from '../cli/terminal/text.ts';
import { inputKey } from '../contracts/keys.ts';
import { parseS3Location } from '../contracts/s3-location.ts';
import { UsageError } from '../ports/error.ts';

/** A line of a key list; without a bucket, the key is a path below the folder that the list lies in. */
interface ListedKey {
  bucket: string | undefined;
  key: string;
}

/** Longer than any key, with the address of its bucket: what goes on is no list. UTF-16 units. */
const LONGEST_LINE = 4096;

/** Of a line that is shown. */
const SHOWN = 200;

/**
 * Reads a file with one key a line, in UTF-8, without its empty lines: all `s3://bucket/key` of one bucket, or all paths.
 * It is never held as a whole: ten million keys are more than a string can hold.
 *
 * @throws UsageError that names the line
 */
export async function* readKeyList(file: string): AsyncGenerator<ListedKey> {
  let first: ListedKey | undefined;
  let number = 0;
  for await (const line of lines(file)) {
    number += 1;
    if (line === '') continue;
    const refuse = (expected: string) =>
      new UsageError(`${file}, line ${number}: expected ${expected}, got ${printable(line.slice(0, SHOWN))}`);
    const listed = parse(line);
    if (listed === undefined) throw refuse('s3://bucket/key, or a path below the folder that the list lies in');
    first ??= listed;
    if (listed.bucket !== first.bucket) {
      throw refuse(
        `${first.bucket === undefined ? 'a path' : `a key of s3://${first.bucket}`}, as in the lines before`,
      );
    }
    yield listed;
  }
}

function parse(line: string): ListedKey | undefined {
  const inS3 = line.startsWith('s3:');
  if (inS3 && !line.startsWith('s3://')) return undefined;
  const { bucket, path } = inS3 ? (parseS3Location(line) ?? {}) : {};
  const key = path ?? line.replace(/^\.\//, '');
  const plain = inS3 || key.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
  return plain && !key.includes('\0') && inputKey.safeParse(key).success ? { bucket, key } : undefined;
}

async function* lines(file: string): AsyncGenerator<string> {
  // Takes a byte order mark away.
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const decode = (bytes?: Uint8Array): string => {
    try {
      return decoder.decode(bytes, { stream: bytes !== undefined });
    } catch (cause) {
      throw new UsageError(`${file}: expected a list of keys in UTF-8, but it holds other bytes`, { cause });
    }
  };
  let rest = '';
  for await (const bytes of createReadStream(file)) {
    const parts = (rest + decode(bytes)).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) yield withoutReturn(line);
    if (rest.length > LONGEST_LINE) break;
  }
  yield withoutReturn(rest + decode());
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
