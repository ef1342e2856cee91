import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';
import { repositoryRoot } from '../lib/local/repository.ts';
import { floorOverrides, readRooms } from './support/floors.ts';

const rooms = readRooms();
const sources = ['lib', 'functions', 'cdk'].flatMap((folder) =>
  readdirSync(join(repositoryRoot, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.[jt]s$/.test(file))
    .map((file) => join(folder, file))
    .sort(),
);

/** The package's exports. It belongs to no room. */
const packageDoor = 'lib/index.ts';

/** Source file to the source files that it imports, types and dynamic imports too. */
const imports = new Map(sources.map((file) => [file, importsOf(file)]));

describe('the table of floors in docs/architecture.md', () => {
  test('names every room of the tree, and no other', () => {
    const folders = new Set(
      sources
        .filter((file) => file !== packageDoor)
        .map(folderOf)
        .filter((folder) => folder !== 'lib/models'),
    );
    expect([...folders].sort()).toEqual(rooms.map(({ folder }) => folder).sort());
  });

  test('lets a room import rooms of lower floors only', () => {
    const floors = new Map(rooms.map(({ name, floor }) => [name, floor]));
    for (const { name, floor, mayImport } of rooms) {
      for (const other of mayImport)
        expect([name, other, Number(floors.get(other)) < floor]).toEqual([name, other, true]);
    }
  });

  test('holds for every import', () => {
    const byFolder = new Map(rooms.map((room) => [room.folder, room]));
    const wrong = [...imports].flatMap(([file, targets]) => {
      if (file === packageDoor) return [];
      const room = byFolder.get(folderOf(file));
      const allowed = (room?.mayImport ?? []).map((name) => rooms.find((other) => other.name === name)?.folder);
      return targets
        .filter((target) => folderOf(target) !== room?.folder && !allowed.includes(folderOf(target)))
        .map((target) => `${file} imports ${target}`);
    });
    expect(wrong).toEqual([]);
  });

  test('is what biome holds (`npm run floors` writes it)', () => {
    const { overrides } = JSON.parse(readFileSync(join(repositoryRoot, 'biome.json'), 'utf8'));
    expect(overrides.slice(0, rooms.length + 2)).toEqual(floorOverrides(rooms));
  });
});

describe('the file system', () => {
  /** Functions that open or copy a path. A pipe or a device there would make them wait for ever. */
  const opening =
    /^(open|openSync|readFile|readFileSync|writeFile|writeFileSync|appendFile|appendFileSync|createReadStream|createWriteStream|copyFile|copyFileSync|cp|cpSync|openAsBlob|truncate|truncateSync)$/;

  /** Files beside the doors that use such a function, and why a user's path never comes to it. */
  const exceptions: Record<string, string> = {
    'cdk/copy-files.ts cpSync': 'refuses pipes and devices itself',
    'lib/cli/launch.js readFileSync': 'the manifest of a package and /proc, before TypeScript runs',
    'lib/cli/program.ts readFileSync': 'our own package.json',
    'lib/files/process-tag.ts readFileSync': '/proc',
    'lib/operate/doctor-config.ts readFileSync': 'our own cdk.json',
    'lib/report/html-page.ts readFile': 'our own page',
    'lib/training/metrics-file.ts appendFileSync': 'a descriptor that the door has opened',
    'lib/files/regular-file.ts open': 'the door to files',
    'lib/files/place-file.ts open': 'a folder, opened as a folder',
    'lib/files/place-file.ts copyFile': 'creates a file, and fails if anything has its name',
  };

  test('is opened through lib/files only', () => {
    const used = sources.flatMap((file) =>
      fileSystemImports(file)
        .filter((name) => opening.test(name))
        .map((name) => `${file} ${name}`),
    );
    expect(used.sort()).toEqual(Object.keys(exceptions).sort());
  });

  test('is imported by names, so that the test above sees them', () => {
    const hidden = sources.filter((file) =>
      /(import \w+|\* as \w+) from '(node:)?fs|import\('(node:)?fs|require\('(node:)?fs|from '(fs|fs\/promises)'/.test(
        textOf(file),
      ),
    );
    expect(hidden).toEqual([]);
  });

  // Node's own recursive mkdir never ends where the system answers ENOENT below a folder that exists, as /proc does.
  test('gets folders with their parents from makeDirectory only', () => {
    expect(sources.filter((file) => /mkdir(Sync)?\([^;]*recursive/.test(textOf(file)))).toEqual([]);
  });
});

describe('source files', () => {
  test('import each other in no circle', () => {
    expect(circle()).toEqual([]);
  });

  test('have at most 300 lines', () => {
    const long = sources.filter((file) => readFileSync(join(repositoryRoot, file), 'utf8').split('\n').length > 301);
    expect(long).toEqual([]);
  });
});

function folderOf(file: string): string {
  const [top = '', room = ''] = file.split('/');
  return top === 'lib' ? `lib/${room}` : top;
}

function textOf(file: string): string {
  return readFileSync(join(repositoryRoot, file), 'utf8');
}

/** Names that a file imports from Node's file system modules. */
function fileSystemImports(file: string): string[] {
  return [...textOf(file).matchAll(/import (?:type )?\{([^}]*)\} from 'node:fs(?:\/promises)?'/g)].flatMap(
    ([, names = '']) => names.split(',').map((name) => name.trim().split(' as ')[0] ?? ''),
  );
}

function importsOf(file: string): string[] {
  const text = textOf(file);
  const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(([, specifier = '']) => specifier);
  return specifiers.map((specifier) => normalize(join(dirname(file), specifier)));
}

/** One circle of imports, or an empty list. */
function circle(): string[] {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): string[] => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return [];
    path.push(file);
    for (const target of imports.get(file) ?? []) {
      const found = visit(target);
      if (found.length > 0) return found;
    }
    path.pop();
    done.add(file);
    return [];
  };
  for (const file of imports.keys()) {
    const found = visit(file);
    if (found.length > 0) return found;
  }
  return [];
}
