import { compareKeys } from '../contracts/key-order.ts';
import type { StoredObject } from '../ports/object-store.ts';

/** An entry of a folder. `D` is the caller's representation of a folder. */
export type TreeEntry<D> = { name: string; path: string } & ({ kind: 'file' } | { kind: 'folder'; folder: D });

export interface ListTreeOptions<D> {
  root: D;
  /** All entries of a folder, in any order. */
  entries: (folder: D) => Promise<TreeEntry<D>[]>;
  /** A file as a stored object; undefined if it is gone or ignored. */
  object: (key: string, path: string) => Promise<StoredObject | undefined>;
  /** Default: all keys. */
  prefix?: string | undefined;
  /** Only keys after this one (default: all keys). */
  startAfter?: string | undefined;
}

/** Files whose facts are read at the same time: enough to hide latency, few enough for memory. */
const filesAtOnce = 64;

/**
 * Lists a tree of folders in UTF-8 byte order of the keys, one folder at a time. A folder is sorted by its name with `/`,
 * because the keys of its files begin with that.
 */
export async function* listTree<D>(options: ListTreeOptions<D>): AsyncGenerator<StoredObject> {
  yield* listFolder(options, options.root, '');
}

async function* listFolder<D>(
  options: ListTreeOptions<D>,
  folder: D,
  keyOfFolder: string,
): AsyncGenerator<StoredObject> {
  const { entries, prefix = '', startAfter = '' } = options;
  const wanted = (await entries(folder))
    .map((entry) => ({ entry, key: keyOfFolder + entry.name + (entry.kind === 'folder' ? '/' : '') }))
    .filter(({ entry, key }) => {
      if (entry.kind === 'file') return key.startsWith(prefix) && compareKeys(key, startAfter) > 0;
      const mayHold = key.startsWith(prefix) || prefix.startsWith(key);
      return mayHold && (startAfter.startsWith(key) || compareKeys(key, startAfter) > 0);
    })
    .sort((a, b) => compareKeys(a.key, b.key));

  let files: { key: string; path: string }[] = [];
  for (const { entry, key } of wanted) {
    if (entry.kind === 'file') files.push({ key, path: entry.path });
    if (entry.kind === 'folder' || files.length === filesAtOnce) {
      yield* objects(options, files);
      files = [];
    }
    if (entry.kind === 'folder') yield* listFolder(options, entry.folder, key);
  }
  yield* objects(options, files);
}

async function* objects<D>(
  { object }: ListTreeOptions<D>,
  files: { key: string; path: string }[],
): AsyncGenerator<StoredObject> {
  for (const found of await Promise.all(files.map(({ key, path }) => object(key, path)))) {
    if (found !== undefined) yield found;
  }
}
