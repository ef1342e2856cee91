import { crc32 } from 'node:zlib';
import type { ByteFile } from '../byte-file.ts';
import { damagedFile } from '../error.ts';
import { readPickle } from './pickle.ts';
import { allowedGlobals, invalidTorchFile, maxPickleBytes, stateDictTensors, type TorchFile } from './state-dict.ts';
import { readZip, type ZipEntry } from './zip.ts';

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
  const { value } = readPickle(await file.read(pickle.offset, pickle.length), 0, allowedGlobals);
  const verified = new Set<string>();
  return {
    tensors: stateDictTensors(value),
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
