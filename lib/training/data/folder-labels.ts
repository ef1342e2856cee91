import { className } from '../../image-gpt/class-names.ts';
import { type Part, partNames } from './data-set.ts';
import { divideFolders, folderAt } from './divide-folders.ts';

/** Labels and parts of pictures, by the names of their folders. */
export interface FolderLabels {
  /** Ascending numbers of the keys that the labels and parts are for: all but those left out. */
  rows: number[];
  /** [rows]. Undefined when a picture is in no class folder. */
  labels?: Int32Array | undefined;
  /** Sorted by UTF-16 code units, which is the same order on every machine. */
  classes: string[];
  /** Why there are no labels, for messages. */
  unlabelled?: string | undefined;
  /** [rows], index into {@link partNames}. Undefined when no folders divide the pictures. */
  parts?: Uint8Array | undefined;
  /** The part of each folder that divides the pictures; empty without such folders. */
  partFolders: ReadonlyMap<string, Part>;
  /** Number of pictures in each folder beside the parts; `.`: pictures in no folder. */
  leftOut: ReadonlyMap<string, number>;
}

export interface LabelOptions {
  /** Take every first folder as a class, whatever its name (default: false). */
  foldersAreClasses?: boolean | undefined;
  /** Pictures that could not be read. They have no row, but their folders are classes all the same. */
  unreadable?: readonly string[] | undefined;
  /** Folders without any file. They are classes as well: a class that someone forgot to fill is not silently dropped. */
  emptyFolders?: readonly string[] | undefined;
}

/**
 * Labels pictures by their folders: `cat/1.jpg`, or `train/cat/1.jpg` where folders divide the data set. Deeper folders
 * belong to the class: `cat/grey/2.jpg` is a cat. A folder of other files is no class.
 *
 * @param name the data set, for the error
 * @throws UsageError for folders that look like parts and cannot be told for sure
 */
export function labelKeys(
  keys: readonly string[],
  name: string,
  { foldersAreClasses = false, unreadable = [], emptyFolders = [] }: LabelOptions = {},
): FolderLabels {
  const paths = [...keys, ...unreadable].map((key) => key.split('/'));
  const division = foldersAreClasses ? undefined : divideFolders(paths, name);
  const rows: number[] = [];
  const parts: number[] = [];
  const names: (string | undefined)[] = [];
  const partFolders = new Map<string, Part>();
  const leftOut = new Map<string, number>();
  const emptied: string[] = [];
  paths.forEach((path, row) => {
    const place = division?.places[row];
    if (division !== undefined && place === undefined) {
      const folder =
        path
          .slice(0, -1)
          .slice(0, division.depth + 1)
          .join('/') || '.';
      leftOut.set(folder, (leftOut.get(folder) ?? 0) + 1);
      return;
    }
    const folder = folderAt(path, place?.classDepth ?? 0);
    if (row >= keys.length) {
      if (folder !== undefined) emptied.push(className(folder));
      return;
    }
    rows.push(row);
    names.push(folder);
    if (place !== undefined) {
      parts.push(partNames.indexOf(place.part));
      partFolders.set(path[place.partDepth] ?? '', place.part);
    }
  });
  for (const folder of emptyFolders) {
    const path = folder.split('/');
    const name = path.pop() ?? '';
    const inPart = division !== undefined && path.length === division.depth + 1 && partFolders.has(path.at(-1) ?? '');
    if (division === undefined ? path.length === 0 : inPart) emptied.push(className(name));
  }
  const divided = { rows, parts: division && Uint8Array.from(parts), partFolders, leftOut };
  const stray = names.indexOf(undefined);
  if (stray >= 0) {
    const count = names.filter((each) => each === undefined).length;
    const unlabelled = `${count} of ${names.length} pictures are in no class folder, such as ${keys[rows[stray] ?? 0]}`;
    return { ...divided, classes: [], unlabelled };
  }
  const classOf = new Map([...new Set(names)].map((each = '') => [each, className(each)]));
  const classes = [...new Set([...classOf.values(), ...emptied])].sort();
  const indices = new Map(classes.map((each, i) => [each, i]));
  const labels = Int32Array.from(names, (each = '') => indices.get(classOf.get(each) ?? '') ?? 0);
  return { ...divided, labels, classes };
}
