import { UsageError } from '../../ports/error.ts';
import { type Part, picturesText } from './data-set.ts';
import { type PartName, partName, saysNothing } from './part-names.ts';

/** The flag that ends any doubt about folders. */
export const foldersAreClassesFlag = '--folders-are-classes';

/** Paths of pictures, each split into its names. */
type Paths = readonly (readonly string[])[];

/** Where a picture's part and class stand in its path. */
interface Place {
  part: Part;
  /** Which name of the path is the folder of the part, from 0. */
  partDepth: number;
  /** Which name of the path is the class, from 0. */
  classDepth: number;
}

/** How folders divide N pictures. */
export interface Division {
  /** How many folders lie above those of the parts. */
  depth: number;
  /** [N]; undefined for a picture beside the parts, which is left out. */
  places: readonly (Place | undefined)[];
}

interface Folder {
  name: string;
  /** Rows of its pictures, deeper ones included. */
  rows: number[];
  /** Its own folders. */
  below: Set<string>;
  named: PartName | undefined;
}

interface Level {
  folders: Folder[];
  /** Rows of the pictures beside the folders. */
  beside: number[];
}

/**
 * Finds the folders that divide a data set into parts: above the classes (`train/cat/1.jpg`, also below folders that
 * hold everything: `data/set/train/cat/1.jpg`), or below them (`cat/train/1.jpg`).
 *
 * @param name the data set, for the error
 * @returns undefined when the first folders are classes
 * @throws UsageError for folders that look like parts and cannot be told for sure
 */
export function divideFolders(paths: Paths, name: string): Division | undefined {
  return divideLevel(paths, 0, name);
}

function divideLevel(paths: Paths, depth: number, name: string): Division | undefined {
  const level = levelOf(paths, depth);
  const { folders, beside } = level;
  const [only] = folders;
  if (only === undefined) return undefined;
  if (folders.length === 1 && beside.length === 0 && holdsParts(paths, depth + 1, only)) {
    const inner = divideLevel(paths, depth + 1, name);
    if (inner !== undefined) return inner;
  }
  const found = partsOf(level);
  if (found.length === 0) {
    const doubtful = folders.filter(({ named }) => named !== undefined);
    const allNamed = doubtful.length === folders.length && kindsOf(doubtful).size > 1;
    if (allNamed || doubtful.some(({ below }) => below.size > 0)) throw unclear(name, doubtful, level);
    const divided = divideClasses(paths, depth, level, name);
    if (divided === undefined && mayBeParts(paths, depth, level)) {
      throw unclear(name, folders, level, 'hold the same folders');
    }
    return divided;
  }
  const others = without(level, found);
  const parts = found.map((folder) => ({ ...folder, ...classesBelow(paths, depth, folder) }));
  const alone = others.length === 0 && beside.length === 0;
  if (!alone && isClassTrain(found, others)) return undefined;
  if (!alone && !surelyBeside(parts, others)) throw unclear(name, found, level);
  const places = new Array<Place | undefined>(paths.length).fill(undefined);
  for (const { rows, part, classDepth } of parts) {
    for (const row of rows) places[row] = { part, partDepth: depth, classDepth };
  }
  return { depth, places };
}

/** The pictures by their names at `depth`. */
function levelOf(paths: Paths, depth: number): Level {
  const folders = new Map<string, Folder>();
  const beside: number[] = [];
  paths.forEach((path, row) => {
    const name = path[depth];
    const below = path[depth + 1];
    if (name === undefined || below === undefined) {
      beside.push(row);
      return;
    }
    const folder = folders.get(name) ?? { name, rows: [], below: new Set(), named: partName(name) };
    folders.set(name, folder);
    folder.rows.push(row);
    if (path.length > depth + 2) folder.below.add(below);
  });
  return { folders: [...folders.values()], beside };
}

/** Folders that are parts by their names: those of sure names, and those that differ in the part alone (`seg_train`, `seg_test`). */
function partsOf({ folders }: Level): (Folder & { part: Part })[] {
  const alike = new Map<string, Folder[]>();
  for (const folder of folders) {
    if (folder.named !== undefined) alike.set(folder.named.rest, [...(alike.get(folder.named.rest) ?? []), folder]);
  }
  return [...alike]
    .filter(([rest, group]) => rest === '' || kindsOf(group).size > 1)
    .flatMap(([, group]) => group.flatMap((folder) => (folder.named ? [{ ...folder, part: folder.named.part }] : [])));
}

function without({ folders }: Level, some: readonly Folder[]): Folder[] {
  return folders.filter(({ name }) => !some.some((other) => other.name === name));
}

function kindsOf(folders: readonly Folder[]): Set<Part> {
  return new Set(folders.flatMap(({ named }) => named?.part ?? []));
}

/** Whether the only folder of a level holds a divided data set, rather than being its only part or class. */
function holdsParts(paths: Paths, depth: number, only: Folder): boolean {
  const level = levelOf(paths, depth);
  const [inner, another] = level.folders;
  if (inner?.named === undefined && another === undefined && inner !== undefined && level.beside.length === 0) {
    return holdsParts(paths, depth + 1, inner);
  }
  const named = level.folders.filter((folder) => folder.named !== undefined);
  const severalKinds = kindsOf(named).size > 1;
  // train/ may hold a class `test`, and its folder may be named twice: train/train/cat.
  if (only.named?.rest === '') return severalKinds && named.length === level.folders.length;
  return severalKinds || named.some(({ below }) => below.size > 0);
}

/** The folder at `depth` of a path, whose last name is that of the picture. */
export function folderAt(path: readonly string[], depth: number): string | undefined {
  return depth < path.length - 1 ? path[depth] : undefined;
}

/**
 * The class folders of a part. A part may repeat its name (`training_set/training_set/cat`) or hold a folder of another
 * name that is no class (`train/images/cat`).
 */
function classesBelow(
  paths: Paths,
  depth: number,
  { rows, part }: Folder & { part: Part },
): { classDepth: number; classes: ReadonlySet<string> } {
  const foldersAt = (at: number): (string | undefined)[] => rows.map((row) => folderAt(paths[row] ?? [], at));
  let classDepth = depth + 1;
  let names = new Set(foldersAt(classDepth));
  const isClass = (name: string | undefined) =>
    name === undefined || (partName(name)?.part !== part && !saysNothing(name));
  while (names.size === 1 && ![...names].some(isClass)) {
    classDepth += 1;
    names = new Set(foldersAt(classDepth));
  }
  return { classDepth, classes: new Set([...names].filter((name) => name !== undefined)) };
}

/** Names of folders that lie beside parts, and are no classes beside `train`. */
const extras =
  /^(samples?|runs?|results?|outputs?|extras?|un-?label+ed|misc|examples?|demo|pred(ict(ions?)?|s)?|logs?|tmp|temp|backup|archive)$/i;

/** CIFAR-100 has a class `train`: beside classes, and without class folders of its own, it is one. */
function isClassTrain([train, another]: readonly Folder[], others: readonly Folder[]): boolean {
  return (
    train?.name.toLowerCase() === 'train' &&
    another === undefined &&
    train.below.size === 0 &&
    !others.some(({ name }) => extras.test(name))
  );
}

/**
 * Whether folders beside parts are surely no classes: there are parts of two kinds with class folders, which have a class
 * in common, and what lies beside them is none of these classes.
 */
function surelyBeside(
  parts: readonly (Folder & { classes: ReadonlySet<string> })[],
  others: readonly Folder[],
): boolean {
  const known = parts.map(({ classes }) => classes).filter(({ size }) => size > 0);
  const [first, ...more] = known;
  if (first === undefined || kindsOf(parts).size < 2) return false;
  const common = more.length === 0 || known.some((a, i) => known.some((b, j) => i < j && [...a].some((c) => b.has(c))));
  return (
    common && others.every(({ name, named }) => named === undefined && !known.some((classes) => classes.has(name)))
  );
}

/** Classes that are divided one by one: `cat/train/1.jpg`, `cat/test/2.jpg`. */
function divideClasses(paths: Paths, depth: number, level: Level, name: string): Division | undefined {
  const subfolders = level.folders.map(({ below }) => [...below].map((folder) => partName(folder)));
  const divided = level.folders.filter((_, i) => {
    const kinds = subfolders[i]?.flatMap((named) => (named?.rest === '' ? named.part : [])) ?? [];
    return new Set(kinds).size > 1;
  });
  if (divided.length === 0) return undefined;
  const places = paths.map((path): Place | undefined => {
    const named = partName(path[depth + 1] ?? '');
    // Deeper folders would be classes: several data sets lie here.
    if (path.length !== depth + 3 || named?.rest !== '') return undefined;
    return { part: named.part, partDepth: depth + 1, classDepth: depth };
  });
  if (places.includes(undefined)) throw unclear(name, divided, level, 'have parts of their own');
  return { depth, places };
}

/** More folders than these are not the parts of a data set, unless they are numbered: `fold1`, `fold2`. */
const mostParts = 3;

/**
 * Whether folders of other names may be parts, such as of a cross-validation or in another language: each holds the same
 * two folders or more, and all pictures are in these.
 */
function mayBeParts(paths: Paths, depth: number, { folders, beside }: Level): boolean {
  const [first, second] = folders;
  if (first === undefined || second === undefined || first.below.size < 2 || beside.length > 0) return false;
  const numbered = new Set(folders.map(({ name }) => name.replaceAll(/\d/g, ''))).size === 1;
  return (
    (folders.length <= mostParts || numbered) &&
    folders.every(
      ({ below }) => below.size === first.below.size && [...below].every((folder) => first.below.has(folder)),
    ) &&
    paths.every((path) => path.length > depth + 2)
  );
}

/** How many folders an error names. */
const shownFolders = 6;

function unclear(name: string, doubtful: readonly Folder[], level: Level, why = 'look like parts'): UsageError {
  const list = (folders: readonly Folder[]): string =>
    folders
      .slice(0, shownFolders)
      .map((folder) => `${folder.name} (${picturesText(folder.rows.length)})`)
      .join(', ') + (folders.length > shownFolders ? ', …' : '');
  const others = without(level, doubtful);
  const beside = [
    ...(others.length > 0 ? [list(others)] : []),
    ...(level.beside.length > 0 ? [`${picturesText(level.beside.length)} in no folder`] : []),
  ];
  return new UsageError(
    `the folders of ${name} can be parts or classes: ${list(doubtful)} ${why}${beside.length > 0 ? `, beside ${beside.join(' and ')}` : ''}; expected folders of parts alone (train, validation, test, with class folders in them) or of classes alone: move or rename the others, or add ${foldersAreClassesFlag} to take every first folder as a class`,
  );
}
