/** Files and folders that systems leave behind, in lower case. None holds a picture of the user's. */
const leftBehind: ReadonlySet<string> = new Set([
  '__macosx', // macOS: archives
  'thumbs.db', // Windows: thumbnails
  'ehthumbs.db',
  'desktop.ini',
  '$recycle.bin',
  'system volume information',
  '@eadir', // Synology: thumbnails
  '#recycle',
  '@recycle', // QNAP
  'lost+found', // ext4
  '__pycache__',
]);

/** Whether a key is no picture of the user's: a dotfile, what a system left behind, or a file in a folder of that kind. */
export function isClutter(key: string): boolean {
  return key.split('/').some((name) => name.startsWith('.') || leftBehind.has(name.toLowerCase()));
}
