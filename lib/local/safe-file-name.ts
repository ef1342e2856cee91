/** Characters that some file systems forbid, or that have a special meaning for some programs. */
const forbidden = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\\/:*?"<>|%]/gu;

/** Names that Windows reserves for devices, with any extension. */
const deviceName = /^(con|prn|aux|nul|com\d|lpt\d)$/i;

/** Longest stem (bytes of UTF-8). With a number and an extension, the name stays below the usual limit of 255. */
const maxStemBytes = 120;

/** An extension of up to 10 characters. A longer one is part of the stem. */
const extensionPattern = /\.[\p{L}\p{N}]{1,10}$/u;

/** A file name in two parts, so that a number can be inserted between them. */
export interface SafeFileName {
  stem: string;
  /** With its dot; may be empty. */
  extension: string;
}

/**
 * Turns an untrusted name into one that every file system accepts: a single path segment that is not a dotfile. Folders in
 * the name are dropped.
 */
export function safeFileName(name: string): SafeFileName {
  const last = name.split(/[/\\]/).at(-1) ?? '';
  const plain = last
    .normalize('NFC')
    .replace(forbidden, '_')
    .replace(/^[.\s]+|[.\s]+$/gu, '');
  const [extension = ''] = extensionPattern.exec(plain) ?? [];
  const stem = shortened(plain.slice(0, plain.length - extension.length)).trimEnd();
  if (stem === '') return { stem: 'picture', extension };
  return { stem: deviceName.test(stem) ? `_${stem}` : stem, extension };
}

/** Shortens a stem without splitting a character. */
function shortened(stem: string): string {
  let bytes = 0;
  let short = '';
  for (const character of stem) {
    bytes += Buffer.byteLength(character);
    if (bytes > maxStemBytes) break;
    short += character;
  }
  return short;
}
