import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../../lib/local/repository.ts';

/** A folder of the source tree, and what it may import. */
export interface Room {
  name: string;
  /** Its folder, from the repository's root. */
  folder: string;
  /** A room imports rooms of lower floors only. */
  floor: number;
  /** Imports no platform module (`node:*`). */
  pure: boolean;
  /** Names of the rooms that it may import. */
  mayImport: readonly string[];
}

/** Packages that only one room may import, by room. Only one file may import onnxruntime-node. */
const ownPackages: Record<string, string[]> = { decode: ['sharp'], jobs: ['hyparquet', 'hyparquet-writer'] };
const onnxruntimeImporter = 'lib/runtime/onnxruntime.ts';
const packages = ['hyparquet', 'hyparquet-writer', 'onnxruntime-node', 'sharp'];

const outsideLib = ['cdk', 'functions'];

/** The rows of the table of floors in docs/architecture.md: floor, room, holds, may import. */
export function readRooms(): Room[] {
  const text = readFileSync(join(repositoryRoot, 'docs', 'architecture.md'), 'utf8');
  const rows = text.matchAll(/^\| (\d) +\| ([a-z-]+) +\| ([^|]+) \| ([^|]+) \|$/gm);
  return [...rows].map(([, floor = '', name = '', holds = '', mayImport = '']) => ({
    name,
    folder: outsideLib.includes(name) ? name : `lib/${name}`,
    floor: Number(floor),
    pure: holds.startsWith('pure'),
    mayImport: mayImport.trim() === 'nothing' ? [] : mayImport.trim().split(', '),
  }));
}

/** Biome's overrides that enforce the table: one for each room, then those for onnxruntime-node. */
export function floorOverrides(rooms: readonly Room[]): unknown[] {
  const inLib = rooms.filter(({ folder }) => folder.startsWith('lib/')).map(({ name }) => name);
  const ofRooms = rooms.map((room) => {
    const forbidden = inLib.filter((name) => name !== room.name && !room.mayImport.includes(name));
    const others = outsideLib.filter((name) => name !== room.name);
    const below = room.folder.startsWith('lib/') ? '' : 'lib/';
    const allowed = room.mayImport.length === 0 ? 'nothing of ours' : room.mayImport.join(', ');
    const foreignPackages = packages.filter((name) => !ownPackages[room.name]?.includes(name));
    return restrict(`${room.folder}/**`, [
      {
        group: [...forbidden.map((name) => `${up}${below}${name}/**`), ...others.map((name) => `${up}${name}/**`)],
        message: `${room.folder} may import ${allowed} (docs/architecture.md).`,
      },
      {
        group: foreignPackages,
        message: `sharp belongs to lib/decode, hyparquet to lib/jobs, onnxruntime-node to ${onnxruntimeImporter}.`,
      },
      ...(room.pure
        ? [{ group: ['node:*', 'node:*/*'], message: `${room.folder} is pure: no platform modules.` }]
        : []),
    ]);
  });
  const tests = restrict('test/**', [
    { group: ['onnxruntime-node'], message: `${onnxruntimeImporter} turns off its telemetry first.` },
  ]);
  const importer = { includes: [onnxruntimeImporter], linter: { rules: { style: { noRestrictedImports: 'off' } } } };
  return [...ofRooms, importer, tests];
}

/** Relative paths out of a room: from its folder, and from two folders below it. */
const up = '{../,../../,../../../}';

function restrict(includes: string, patterns: unknown[]): unknown {
  return {
    includes: [includes],
    linter: { rules: { style: { noRestrictedImports: { level: 'error', options: { patterns } } } } },
  };
}
