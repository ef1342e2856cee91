import { createHash } from 'node:crypto';
import { KeyError } from './error.ts';

export interface PathEscapeOptions {
  /** The file system treats `A` and `a`, or two encodings of `é`, as the same name (default false). */
  foldsCase?: boolean | undefined;
}

/** Longest file name on common file systems (bytes). */
const maxNameBytes = 255;

/** Length of the parts of a longer name (bytes). Leaves room for a suffix of at most 23 bytes. */
const partBytes = 200;

/** Characters that Windows forbids in names, control characters, and our escape character. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it searches for
const reserved = /[\u0000-\u001f"%*:<>?\\|\u007f]/g;

/** Names that Windows reserves for devices, with any extension. */
const device = /^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³]) *(\.|$)/i;

/** Last characters that Windows forbids in names. */
const badEnd = /[. ]$/;

/** Suffix of file names without `.json`, so that no file has the name of a folder. */
const fileMark = '%=';

/** Suffix of a folder whose name is the beginning of a longer name. */
const partMark = '%+';

/** Stands for an empty name. */
const emptyName = '%_';

/** Suffix with a hash of the name. It separates names that the file system would treat as the same. */
const foldMark = /%~[0-9a-f]{16}$/;

const json = /\.json$/i;

/**
 * Path of a key's file, as names from the root to the file. Different keys have different paths, and no file has the path
 * of a folder. No name is too long, or has a special meaning for the system. {@link keyPart} reverses the escaping.
 *
 * Ordinary names stay unchanged. Otherwise:
 *
 * - `%` and hex replace reserved characters, a first dot, a last dot or space, and the first letter of a device name.
 * - A name over 255 bytes becomes nested folders with parts of 200 bytes. All parts but the last end with `%+`.
 * - A file name without `.json` gets the suffix `%=`. In a folder name with `.json`, the last letter is escaped.
 * - If the file system folds case, names other than lower-case ASCII get the suffix `%~` and a hash.
 *
 * @throws {KeyError} for a key that contains NUL or is not well-formed Unicode
 */
export function escapeKey(key: string, options: PathEscapeOptions = {}): string[] {
  if (key === '' || key.includes('\0') || !key.isWellFormed()) {
    throw new KeyError(key, 'of well-formed Unicode without NUL');
  }
  const segments = key.split('/');
  return segments.flatMap((segment, i) => escapeSegment(segment, i === segments.length - 1, options));
}

function escapeSegment(segment: string, isFile: boolean, options: PathEscapeOptions): string[] {
  const whole = isFile ? fileName(segment, options) : folderName(segment, options);
  if (Buffer.byteLength(whole) <= maxNameBytes) return [whole];
  const parts = split(segment);
  const last = parts.pop() ?? '';
  const folders = parts.map((part) => escapeName(part, options) + partMark);
  return [...folders, isFile ? fileName(last, options) : folderName(last, options)];
}

/** Splits a name between characters, so that no escaped part is longer than {@link partBytes}. */
function split(segment: string): string[] {
  const parts: string[] = [];
  let part = '';
  let bytes = 0;
  for (const character of segment) {
    const size = Buffer.byteLength(escapeReserved(character));
    if (bytes + size > partBytes) {
      parts.push(part);
      part = '';
      bytes = 0;
    }
    part += character;
    bytes += size;
  }
  return [...parts, part];
}

function fileName(name: string, options: PathEscapeOptions): string {
  if (!name.endsWith('.json')) return escapeName(name, options) + fileMark;
  // The hash goes before `.json`, so that the file keeps its extension.
  const escaped = escapeName(name, options);
  const [mark] = foldMark.exec(escaped) ?? [''];
  return mark === '' ? escaped : escaped.slice(0, -mark.length).replace(json, `${mark}.json`);
}

function folderName(name: string, options: PathEscapeOptions): string {
  if (!json.test(name)) return escapeName(name, options);
  const escaped = escapeName(name, options);
  const [mark] = foldMark.exec(escaped) ?? [''];
  const bare = escaped.slice(0, escaped.length - mark.length);
  return bare.slice(0, -1) + hex(bare.slice(-1)) + mark;
}

function escapeName(name: string, { foldsCase = false }: PathEscapeOptions): string {
  if (name === '') return emptyName;
  let escaped = escapeReserved(name);
  if (badEnd.test(escaped)) escaped = escaped.slice(0, -1) + hex(escaped.slice(-1));
  if (escaped.startsWith('.') || device.test(name)) escaped = hex(escaped.slice(0, 1)) + escaped.slice(1);
  return foldsCase && /[^\u0020-\u0040\u005b-\u007e]/.test(name) ? `${escaped}%~${hash(name)}` : escaped;
}

function escapeReserved(text: string): string {
  return text.replace(reserved, hex);
}

/** Escapes an ASCII character. */
function hex(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

function hash(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, 16);
}

/** The part of a key that a name on disk stands for. */
export interface KeyPart {
  text: string;
  /** The name is the beginning of a segment, and this folder contains the rest. */
  continued: boolean;
}

/** Reverses {@link escapeKey} for one name. For a name that it did not create, the result is arbitrary. */
export function keyPart(name: string, isFile: boolean): KeyPart {
  if (isFile) {
    if (name.endsWith(fileMark)) return whole(name.slice(0, -fileMark.length));
    const bare = name.replace(json, '');
    const [mark] = foldMark.exec(bare) ?? [''];
    return whole(mark === '' ? name : `${bare.slice(0, -mark.length)}.json`);
  }
  if (name.endsWith(partMark)) return { ...whole(name.slice(0, -partMark.length)), continued: true };
  return whole(name);
}

function whole(name: string): KeyPart {
  const bare = name.replace(foldMark, '');
  const text =
    bare === emptyName
      ? ''
      : bare.replace(/%([0-9A-F]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
  return { text, continued: false };
}
