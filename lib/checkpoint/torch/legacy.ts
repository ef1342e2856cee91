import type { ByteFile } from '../byte-file.ts';
import { CheckpointError } from '../error.ts';
import { type Pickle, readPickle } from './pickle.ts';
import { isKind, type PickleValue } from './pickle-value.ts';
import {
  allowedGlobals,
  invalidFile,
  maxPickleBytes,
  readStorage,
  type Storage,
  stateDictTensors,
  type TorchFile,
} from './state-dict.ts';

/** The first pickle of the file (torch/serialization.py). */
const magicNumber = 0x1950a86a20f9469cfc6cn;

/** Before each storage: its number of elements, int64. */
const countBytes = 8;

/**
 * Opens the form of PyTorch before 1.6: pickles of a magic number, the protocol, facts about the system, the state
 * dict and the storage keys; then the storages in the order of their keys.
 */
export async function openLegacy(file: ByteFile): Promise<TorchFile> {
  const head = await file.read(0, Math.min(file.size, maxPickleBytes));
  if (head[0] !== 0x80) throw invalidFile(file.name, 'no zip and no pickle at its start');
  const magic = readPickle(head, 0, allowedGlobals);
  if (magic.value !== magicNumber) throw invalidFile(file.name, "no magic number of PyTorch's at its start");
  const protocol = readPickle(head, magic.end, allowedGlobals);
  const system = readPickle(head, protocol.end, allowedGlobals);
  if (itemOf(system.value, 'little_endian') !== true) {
    throw invalidFile(file.name, 'numbers in big-endian order, which are not supported');
  }
  const state = readPickle(head, system.end, allowedGlobals);
  const keys = readPickle(head, state.end, allowedGlobals);
  const tensors = stateDictTensors(state.value);
  const places = await findStorages(file, keys, storagesByKey(file, state.persistentIds));
  return {
    tensors,
    async locate({ name, storage }) {
      const place = places.get(storage.key);
      if (place === undefined) throw invalidFile(file.name, `no storage for ${name}`);
      return place;
    },
  };
}

/** Every storage that the pickle speaks of, also those of no use: without the size of each, the next could not be found. */
function storagesByKey(file: ByteFile, ids: readonly PickleValue[]): Map<string, Storage> {
  const storages = new Map<string, Storage>();
  for (const id of ids) {
    const storage = readStorage(id);
    const known = storages.get(storage.key) ?? storage;
    if (known.elements !== storage.elements || known.itemBytes !== storage.itemBytes) {
      throw invalidFile(file.name, `two descriptions of storage ${JSON.stringify(storage.key)}`);
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
  if (!isKind(keys.value, 'list')) throw invalidFile(file.name, 'no list of storages');
  const places = new Map<string, number>();
  let at = keys.end;
  for (const key of keys.value.items) {
    const size = typeof key === 'string' ? storages.get(key) : undefined;
    if (typeof key !== 'string' || size === undefined || places.has(key)) {
      throw invalidFile(file.name, 'a storage that its pickle does not speak of');
    }
    const stored = (await file.read(at, countBytes)).readBigInt64LE();
    if (stored !== BigInt(size.elements)) {
      throw invalidFile(file.name, `${stored} elements in a storage that should have ${size.elements}`);
    }
    places.set(key, at + countBytes);
    at += countBytes + size.elements * size.itemBytes;
    if (at > file.size) {
      throw new CheckpointError(
        'weights_truncated',
        `${file.name} is cut short: expected ${at} bytes or more, found ${file.size}. Copy or download it again.`,
      );
    }
  }
  return places;
}

function itemOf(dict: PickleValue, key: string): PickleValue | undefined {
  return isKind(dict, 'dict') ? dict.entries.find(([found]) => found === key)?.[1] : undefined;
}
