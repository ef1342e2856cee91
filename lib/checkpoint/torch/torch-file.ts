import { crc32 } from 'node:zlib';
import type { ByteFile } from '../byte-file.ts';
import { damagedFile, truncatedFile } from '../error.ts';
import { type Pickle, readPickle } from './pickle.ts';
import { isKind, type PickleValue } from './pickle-value.ts';
import { invalidTorchFile, type StateDict, stateDicts } from './state-dict.ts';
import { readStorage, type Storage } from './storage.ts';
import { allowedGlobals, type TensorView } from './tensor-view.ts';
import { readZip, type ZipEntry } from './zip.ts';

/** The tensors of a PyTorch file of either format, and the positions of their storages. */
export interface TorchFile {
  /** By the keys that lead to them. */
  dicts: ReadonlyMap<string, StateDict>;
  /** Position of the storage of `tensor` (bytes). Verifies its checksum if there is one. */
  locate(tensor: TensorView): Promise<number>;
}

/** iGPT-XL's pickle has about 250 kB. The limit bounds the memory for a hostile file. */
const maxPickleBytes = 16 * 2 ** 20;

/**
 * Opens the format of PyTorch since 1.6: a zip file with the state dict as a pickle and one record per storage.
 *
 * @throws CheckpointError `weights_unsafe`, `weights_invalid`, `weights_truncated`
 */
export async function openZipped(file: ByteFile): Promise<TorchFile> {
  const entries = await readZip(file);
  const [pickle, ...others] = [...entries.values()].filter(({ name }) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickle === undefined || others.length > 0) {
    throw invalidTorchFile(
      file.name,
      `${pickle === undefined ? 'no' : 'several'} data.pkl; expected one, as torch.save writes`,
    );
  }
  if (pickle.length > maxPickleBytes)
    throw invalidTorchFile(file.name, `a pickle of ${pickle.length} bytes, expected at most ${maxPickleBytes}`);
  const folder = pickle.name.slice(0, -'data.pkl'.length);
  const order = entries.get(`${folder}byteorder`);
  if (
    order !== undefined &&
    (await file.read(order.offset, Math.min(order.length, 6))).toString('latin1') !== 'little'
  ) {
    throw invalidTorchFile(file.name, 'big-endian numbers, which are not supported');
  }
  await verifyChecksum(file, pickle);
  const { value } = readPickle(await file.read(pickle.offset, pickle.length), 0, allowedGlobals);
  const verified = new Set<string>();
  return {
    dicts: stateDicts(value),
    async locate({ name, storage: { key, elements, itemBytes } }) {
      const entry = entries.get(`${folder}data/${key}`);
      if (entry === undefined || entry.length < elements * itemBytes) {
        throw invalidTorchFile(
          file.name,
          `${entry?.length ?? 'no'} bytes for tensor ${name}, expected ${elements * itemBytes}`,
        );
      }
      if (!verified.has(key)) {
        await verifyChecksum(file, entry);
        verified.add(key);
      }
      return entry.offset;
    },
  };
}

/** PyTorch has an option to omit checksums, and then writes 0. */
const noChecksum = 0;

async function verifyChecksum(file: ByteFile, entry: ZipEntry): Promise<void> {
  if (entry.crc32 === noChecksum) return;
  let sum = 0;
  for await (const piece of file.pieces(entry.offset, entry.length)) sum = crc32(piece, sum);
  if (sum !== entry.crc32) {
    throw damagedFile(file.name, `the checksum of ${entry.name} does not match`);
  }
}

/** PyTorch's magic number, the first pickle of the file (torch/serialization.py). */
const magicNumber = 0x1950a86a20f9469cfc6cn;

/** The pickles before the state dict hold a few numbers. */
const headOperations = 1000;

/** Before each storage: its number of elements, int64 (bytes). */
const countBytes = 8;

/**
 * Opens the format of PyTorch before 1.6. It holds five pickles (magic number, protocol, system facts, state dict, list
 * of storage keys) and then the storages in the order of the list.
 *
 * @throws CheckpointError `weights_unsafe`, `weights_invalid`, `weights_truncated`
 */
export async function openLegacy(file: ByteFile): Promise<TorchFile> {
  const head = await file.read(0, Math.min(file.size, maxPickleBytes));
  if (head[0] !== 0x80) throw invalidTorchFile(file.name, 'neither a zip file nor a pickle at its start');
  const magic = readPickle(head, 0, allowedGlobals, headOperations);
  if (magic.value !== magicNumber)
    throw invalidTorchFile(file.name, "a pickle at its start that is not PyTorch's magic number");
  const protocol = readPickle(head, magic.end, allowedGlobals, headOperations);
  const system = readPickle(head, protocol.end, allowedGlobals, headOperations);
  if (itemOf(system.value, 'little_endian') !== true) {
    throw invalidTorchFile(file.name, 'big-endian numbers, which are not supported');
  }
  const state = readPickle(head, system.end, allowedGlobals);
  const keys = readPickle(head, state.end, allowedGlobals);
  const dicts = stateDicts(state.value);
  const places = await findStorages(file, keys, storagesByKey(file, state.persistentIds));
  return {
    dicts,
    async locate({ name, storage }) {
      const place = places.get(storage.key);
      if (place === undefined) throw invalidTorchFile(file.name, `no storage for tensor ${name}`);
      return place;
    },
  };
}

/** As many as a zip file may have records. Each is read on its own, so the limit bounds the time for a hostile file. */
const maxStorages = 20_000;

/** Every storage that the pickle names, also unused ones: the sizes of earlier storages give a storage's position. */
function storagesByKey(file: ByteFile, ids: readonly PickleValue[]): Map<string, Storage> {
  const storages = new Map<string, Storage>();
  for (const id of ids) {
    const storage = readStorage(id);
    const known = storages.get(storage.key) ?? storage;
    if (known.elements !== storage.elements || known.itemBytes !== storage.itemBytes) {
      throw invalidTorchFile(file.name, `two different descriptions of storage ${JSON.stringify(storage.key)}`);
    }
    storages.set(storage.key, storage);
    if (storages.size > maxStorages) throw invalidTorchFile(file.name, `more than ${maxStorages} storages`);
  }
  return storages;
}

async function findStorages(
  file: ByteFile,
  keys: Pickle,
  storages: ReadonlyMap<string, Storage>,
): Promise<Map<string, number>> {
  if (!isKind(keys.value, 'list')) throw invalidTorchFile(file.name, 'no list of storage keys');
  const places = new Map<string, number>();
  let at = keys.end;
  for (const key of keys.value.items) {
    const storage = typeof key === 'string' ? storages.get(key) : undefined;
    if (typeof key !== 'string' || storage === undefined || places.has(key)) {
      throw invalidTorchFile(file.name, 'a storage that its pickle does not name');
    }
    const stored = (await file.read(at, countBytes)).readBigInt64LE();
    if (stored !== BigInt(storage.elements)) {
      throw invalidTorchFile(file.name, `${stored} elements in a storage, expected ${storage.elements}`);
    }
    places.set(key, at + countBytes);
    at += countBytes + storage.elements * storage.itemBytes;
    if (at > file.size) {
      throw truncatedFile(file.name, `at least ${at} bytes`, file.size);
    }
  }
  return places;
}

function itemOf(dict: PickleValue, key: string): PickleValue | undefined {
  return isKind(dict, 'dict') ? dict.entries.find(([found]) => found === key)?.[1] : undefined;
}
