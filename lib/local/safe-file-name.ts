/** What some file system forbids, or some program reads as something else. */
const forbidden = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\\/:*?"<>|%]/gu;

/** Names of devices on Windows, with any extension. */
const deviceName = /^(con|prn|aux|nul|com\d|lpt\d)$/i;

/** Bytes of UTF-8: with a number behind it a name stays below the 255 of most file systems. */
const maxStemBytes = 120;

/** As long as extensions are; what is longer is a part of the name. */
const extensionPattern = /\.[\p{L}\p{N}]{1,10}$/u;

/** A file name in two parts, so that a number fits in between. */
export interface SafeFileName {
  stem: string;
  /** With its dot, or empty. */
  extension: string;
}

/**
 * Makes of a name that a stranger chose one that every file system takes: one plain segment that is no dotfile. Whoever
 * names folders loses them.
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

/** Without breaking a character. */
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
