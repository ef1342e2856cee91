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

/** Source file to the source files that it imports, types and dynamic imports too. */
const imports = new Map(sources.map((file) => [file, importsOf(file)]));

describe('the table of floors in docs/architecture.md', () => {
  test('names every room of the tree, and no other', () => {
    const folders = new Set(sources.map(folderOf).filter((folder) => folder !== 'lib/models'));
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

function importsOf(file: string): string[] {
  const text = readFileSync(join(repositoryRoot, file), 'utf8');
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
