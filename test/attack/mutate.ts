import { pick, type Random } from './attack.ts';

/** Half of the places are in the first bytes of a file, where headers are. */
const headerBytes = 512;

/** Numbers at which lengths and offsets go wrong: none, one, and the ends of 15, 16, 31 and 32 bits. */
const edges = [0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

/** Longest range that is copied, removed or filled with random bytes. */
const longestRange = 256;

/**
 * Damages bytes in one to three seeded ways: bits, bytes, cuts, insertions, removals, copies, repeated chunks, edge
 * values in place of lengths, random tails, and splices with another file.
 *
 * @param other bytes of another file
 */
export function mutate(bytes: Uint8Array, other: Uint8Array, random: Random): Buffer {
  let file: Buffer = Buffer.from(bytes);
  for (let times = pick(random, [1, 1, 2, 3]); times > 0; times--) file = pick(random, mutations)(file, other, random);
  return file;
}

type Mutation = (file: Buffer, other: Uint8Array, random: Random) => Buffer;

const mutations: readonly Mutation[] = [
  function flipBits(file, _, random) {
    const at = place(file, random);
    if (at < file.length) file[at] = (file[at] ?? 0) ^ (1 + Math.floor(random() * 255));
    return file;
  },
  function setByte(file, _, random) {
    const at = place(file, random);
    return file.fill(Math.floor(random() * 256), at, Math.min(at + 1, file.length));
  },
  function cut(file, _, random) {
    return file.subarray(0, place(file, random));
  },
  function insert(file, _, random) {
    const at = place(file, random);
    return Buffer.concat([file.subarray(0, at), randomBytes(64, random), file.subarray(at)]);
  },
  function remove(file, _, random) {
    const at = place(file, random);
    return Buffer.concat([file.subarray(0, at), file.subarray(at + rangeLength(random))]);
  },
  function copy(file, _, random) {
    const from = place(file, random);
    file.copy(file, place(file, random), from, from + rangeLength(random));
    return file;
  },
  function fillWithOnes(file, _, random) {
    const at = place(file, random);
    return file.fill(0xff, at, Math.min(file.length, at + pick(random, [1, 2, 4, 8])));
  },
  function repeatChunk(file, _, random) {
    const at = place(file, random);
    const chunk = file.subarray(at, at + rangeLength(random));
    const times = pick(random, [1, 2, 30]);
    return Buffer.concat([file.subarray(0, at), ...Array(times).fill(chunk), file.subarray(at)]);
  },
  function setNumber(file, _, random) {
    const width = pick(random, [1, 2, 4]);
    const at = Math.min(place(file, random), file.length - width);
    if (at < 0) return file;
    const value = pick(random, edges) % 256 ** width;
    if (random() < 0.5) file.writeUIntLE(value, at, width);
    else file.writeUIntBE(value, at, width);
    return file;
  },
  function randomTail(file, _, random) {
    return Buffer.concat([file.subarray(0, place(file, random)), randomBytes(longestRange, random)]);
  },
  function splice(file, other, random) {
    return Buffer.concat([file.subarray(0, place(file, random)), other.subarray(Math.floor(random() * other.length))]);
  },
];

function place(file: Buffer, random: Random): number {
  const reach = random() < 0.5 ? file.length : Math.min(file.length, headerBytes);
  return Math.floor(random() * reach);
}

function rangeLength(random: Random): number {
  return 1 + Math.floor(random() * longestRange);
}

function randomBytes(most: number, random: Random): Buffer {
  return Buffer.from(Array.from({ length: 1 + Math.floor(random() * most) }, () => Math.floor(random() * 256)));
}

/** Values that a JSON file may hold where another kind is expected. */
const hostileValues: readonly unknown[] = [
  ...[null, true, 0, -1, 1.5, 1e308, 2 ** 53, '', 'x', '../../x', '__proto__', '\u0000', [], [[]], {}, [null]],
  'x'.repeat(10_000),
  Array(1000).fill(0),
];

/** Replaces, removes or adds one value of a JSON text at a seeded place. */
export function mutateJson(text: string, random: Random): string {
  let count = 0;
  JSON.stringify(JSON.parse(text), (_, value) => {
    count += 1;
    return value;
  });
  let left = 1 + Math.floor(random() * count);
  const hostile = pick(random, hostileValues);
  const way = pick(random, ['replace', 'replace', 'remove', 'add']);
  const changed: string | undefined = JSON.stringify(JSON.parse(text), (_, value) => {
    left -= 1;
    if (left !== 0) return value;
    if (way === 'remove') return undefined;
    if (way === 'replace' || typeof value !== 'object' || value === null) return hostile;
    return Array.isArray(value) ? [...value, hostile] : { ...value, [pick(random, ['x', 'n_layer', 'size'])]: hostile };
  });
  // Undefined if everything is removed.
  return changed ?? '';
}
