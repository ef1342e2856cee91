import { createHash } from 'node:crypto';
import { KeyError } from './error.ts';

export interface PathEscapeOptions {
  /** The file system takes `A` and `a`, or two spellings of `é`, for the same name. Default false. */
  foldsCase?: boolean;
}

/** Longest name that common file systems take, bytes. */
const maxNameBytes = 255;

/** A longer name is cut into parts of so many bytes: room for what is added to a part, 23 bytes at most. */
const partBytes = 200;

/** Characters that a name may not hold on Windows, control characters, and our own escape character. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones to find
const reserved = /[\u0000-\u001f"%*:<>?\\|\u007f]/g;

/** Names that Windows keeps for devices, with any extension. */
const device = /^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³]) *(\.|$)/i;

/** What may not stand at the end of a name on Windows. */
const badEnd = /[. ]$/;

/** Ends a file name that has not `.json` at its end, so that no file has a folder's name. */
const fileMark = '%=';

/** Ends the name of a folder that is only the beginning of a longer name. */
const partMark = '%+';

/** Stands for an empty name. */
const emptyName = '%_';

/** Followed by a hash of the name, tells apart names that the file system would take for the same. */
const foldMark = /%~[0-9a-f]{16}$/;

const json = /\.json$/i;

/**
 * The path at which the object of a key lies, as names from the root to the file. No two keys have the same path, no
 * file has a folder's path, no name is too long or means something to the system; {@link keyPart} turns names back.
 * Ordinary names stay as they are. The others, within a name:
 *
 * - reserved characters, a dot in front, a dot or space at the end, the first letter of a device name: `%` and hex;
 * - a name over 255 bytes: parts of 200, as folders in folders, each but the last with `%+` at its end;
 * - a file without `.json` at its end gets `%=`; the last letter of a folder with it is escaped;
 * - where the file system folds case: any name but lower-case ASCII gets `%~` and a hash.
 *
 * @throws {KeyError} for a key that holds NUL or is not well-formed Unicode
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

/** Cuts a name between characters, so that no part is over {@link partBytes} when escaped. */
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
  // The mark of a fold goes before `.json`, so that the file keeps its kind.
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

/** Of an ASCII character. */
function hex(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

function hash(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, 16);
}

/** What a name on disk contributes to a key: a whole segment, or the beginning of one that goes on in this folder. */
export interface KeyPart {
  text: string;
  goesOn: boolean;
}

/** The reverse of {@link escapeKey}, for one name. Names that it does not make may come back as anything. */
export function keyPart(name: string, isFile: boolean): KeyPart {
  if (isFile) {
    if (name.endsWith(fileMark)) return whole(name.slice(0, -fileMark.length));
    const bare = name.replace(json, '');
    const [mark] = foldMark.exec(bare) ?? [''];
    return whole(mark === '' ? name : `${bare.slice(0, -mark.length)}.json`);
  }
  if (name.endsWith(partMark)) return { ...whole(name.slice(0, -partMark.length)), goesOn: true };
  return whole(name);
}

function whole(name: string): KeyPart {
  const bare = name.replace(foldMark, '');
  const text =
    bare === emptyName
      ? ''
      : bare.replace(/%([0-9A-F]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
  return { text, goesOn: false };
}
