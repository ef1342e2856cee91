import { inputKey } from '../contracts/keys.ts';
import { parseS3Location } from '../contracts/s3-location.ts';
import { openRegularFile } from '../files/regular-file.ts';
import { UsageError } from '../ports/error.ts';

/** A line of a key list. Without a bucket, the key is a path relative to the list's own folder. */
interface ListedKey {
  bucket: string | undefined;
  key: string;
}

/**
 * Longest line of a key list (UTF-16 units): more than any key with its bucket. A file with a longer line is no list.
 */
const maxLineLength = 4096;

/** How much of a wrong line an error shows (UTF-16 units). */
const maxShownLength = 200;

/**
 * Reads a UTF-8 file with one key a line and skips empty lines. All lines are `s3://bucket/key` of one bucket, or all
 * are paths. The file is read as a stream: ten million keys are more than a string can hold.
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
      new UsageError(`${file}, line ${number}: expected ${expected}, received ${line.slice(0, maxShownLength)}`);
    const listed = parse(line);
    if (listed === undefined) throw refuse("s3://bucket/key, or a path relative to the list's own folder");
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
  // The decoder removes a byte order mark.
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const decode = (bytes?: Uint8Array): string => {
    try {
      return decoder.decode(bytes, { stream: bytes !== undefined });
    } catch (cause) {
      throw new UsageError(`${file}: expected a list of keys in UTF-8, but it contains other bytes`, { cause });
    }
  };
  let rest = '';
  await using opened = await openRegularFile(file);
  for await (const bytes of opened.createReadStream({ autoClose: false })) {
    const parts = (rest + decode(bytes)).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) yield withoutReturn(line);
    if (rest.length > maxLineLength) break;
  }
  yield withoutReturn(rest + decode());
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
