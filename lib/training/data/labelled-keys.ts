import { PARTS, type Part } from './data-set.ts';

/** What the names of a source's pictures say. */
export interface KeyLabels {
  /** [N] in the order of the keys; absent when a picture lies in no class folder. */
  labels?: Int32Array;
  /** In UTF-16 order, so the same everywhere. */
  classes: string[];
  /** [N], PARTS indices; absent when the folders don't divide. */
  parts?: Uint8Array;
}

/** What people name the folders of a divided data set. */
const PART_FOLDERS: Readonly<Record<string, Part>> = {
  train: 'train',
  validation: 'validation',
  valid: 'validation',
  val: 'validation',
  test: 'test',
};

/**
 * Labels of pictures by their folders: `cat/1.jpg`, or `train/cat/1.jpg` where all of the highest folders are named as
 * parts. Deeper folders belong to the class: `cat/grey/2.jpg` is a cat.
 *
 * @param folders class folders that are known though they may hold no picture, `cat` or `train/cat`
 */
export function labelledKeys(keys: readonly string[], folders: readonly string[] = []): KeyLabels {
  const paths = keys.map((key) => key.split('/'));
  const divided = paths.length > 0 && paths.every(([first = '', ...rest]) => rest.length > 0 && first in PART_FOLDERS);
  const depth = divided ? 1 : 0;
  const parts = divided ? { parts: Uint8Array.from(paths, ([first = '']) => partIndex(first)) } : {};
  // The last name is the picture's own.
  if (paths.some((path) => path.length < depth + 2)) return { classes: [], ...parts };
  const names = paths.map((path) => path[depth] ?? '');
  const known = folders.map((folder) => folder.split('/')[depth]).filter((name) => name !== undefined);
  const classes = [...new Set([...names, ...known])].sort();
  const indices = new Map(classes.map((name, i) => [name, i]));
  return { labels: Int32Array.from(names, (name) => indices.get(name) ?? 0), classes, ...parts };
}

function partIndex(folder: string): number {
  return PARTS.indexOf(PART_FOLDERS[folder] ?? 'train');
}
