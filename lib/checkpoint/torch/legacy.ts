import type { ByteFile } from '../byte-file.ts';
import { truncatedFile } from '../error.ts';
import { type Pickle, readPickle } from './pickle.ts';
import { isKind, type PickleValue } from './pickle-value.ts';
import {
  allowedGlobals,
  invalidTorchFile,
  maxPickleBytes,
  readStorage,
  type Storage,
  stateDictTensors,
  type TorchFile,
} from './state-dict.ts';

/** PyTorch's magic number, the first pickle of the file (torch/serialization.py). */
const magicNumber = 0x1950a86a20f9469cfc6cn;

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
  const magic = readPickle(head, 0, allowedGlobals);
  if (magic.value !== magicNumber)
    throw invalidTorchFile(file.name, "a pickle at its start that is not PyTorch's magic number");
  const protocol = readPickle(head, magic.end, allowedGlobals);
  const system = readPickle(head, protocol.end, allowedGlobals);
  if (itemOf(system.value, 'little_endian') !== true) {
    throw invalidTorchFile(file.name, 'big-endian numbers, which are not supported');
  }
  const state = readPickle(head, system.end, allowedGlobals);
  const keys = readPickle(head, state.end, allowedGlobals);
  const tensors = stateDictTensors(state.value);
  const places = await findStorages(file, keys, storagesByKey(file, state.persistentIds));
  return {
    tensors,
    async locate({ name, storage }) {
      const place = places.get(storage.key);
      if (place === undefined) throw invalidTorchFile(file.name, `no storage for tensor ${name}`);
      return place;
    },
  };
}

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
    const size = typeof key === 'string' ? storages.get(key) : undefined;
    if (typeof key !== 'string' || size === undefined || places.has(key)) {
      throw invalidTorchFile(file.name, 'a storage that its pickle does not name');
    }
    const stored = (await file.read(at, countBytes)).readBigInt64LE();
    if (stored !== BigInt(size.elements)) {
      throw invalidTorchFile(file.name, `${stored} elements in a storage, expected ${size.elements}`);
    }
    places.set(key, at + countBytes);
    at += countBytes + size.elements * size.itemBytes;
    if (at > file.size) {
      throw truncatedFile(file.name, `at least ${at} bytes`, file.size);
    }
  }
  return places;
}

function itemOf(dict: PickleValue, key: string): PickleValue | undefined {
  return isKind(dict, 'dict') ? dict.entries.find(([found]) => found === key)?.[1] : undefined;
}
