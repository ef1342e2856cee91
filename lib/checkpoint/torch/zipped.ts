import { crc32 } from 'node:zlib';
import type { ByteFile } from '../byte-file.ts';
import { CheckpointError } from '../error.ts';
import { readPickle } from './pickle.ts';
import { allowedGlobals, invalidFile, maxPickleBytes, stateDictTensors, type TorchFile } from './state-dict.ts';
import { readZip, type ZipEntry } from './zip.ts';

/** Opens the form of PyTorch since 1.6: a zip file of one pickle, the state dict, and a record for each storage. */
export async function openZipped(file: ByteFile): Promise<TorchFile> {
  const entries = await readZip(file);
  const [pickle, ...others] = [...entries.values()].filter(({ name }) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickle === undefined || others.length > 0) {
    throw invalidFile(
      file.name,
      `${pickle === undefined ? 'no' : 'several'} data.pkl: expected what torch.save writes`,
    );
  }
  if (pickle.length > maxPickleBytes) throw invalidFile(file.name, `a pickle of ${pickle.length} bytes`);
  const folder = pickle.name.slice(0, -'data.pkl'.length);
  const order = entries.get(`${folder}byteorder`);
  if (
    order !== undefined &&
    (await file.read(order.offset, Math.min(order.length, 6))).toString('latin1') !== 'little'
  ) {
    throw invalidFile(file.name, 'numbers in big-endian order, which are not supported');
  }
  const { value } = readPickle(await file.read(pickle.offset, pickle.length), 0, allowedGlobals);
  const sound = new Set<string>();
  return {
    tensors: stateDictTensors(value),
    async locate({ name, storage: { key, elements, itemBytes } }) {
      const entry = entries.get(`${folder}data/${key}`);
      if (entry === undefined || entry.length < elements * itemBytes) {
        throw invalidFile(file.name, `${entry?.length ?? 'no'} bytes for ${name}, which needs ${elements * itemBytes}`);
      }
      if (!sound.has(key)) {
        await refuseDamaged(file, entry);
        sound.add(key);
      }
      return entry.offset;
    },
  };
}

/** PyTorch can be told to leave the checksum out. */
const noChecksum = 0;

async function refuseDamaged(file: ByteFile, entry: ZipEntry): Promise<void> {
  if (entry.crc32 === noChecksum) return;
  let sum = 0;
  for await (const piece of file.pieces(entry.offset, entry.length)) sum = crc32(piece, sum);
  if (sum !== entry.crc32) {
    throw new CheckpointError(
      'weights_invalid',
      `${file.name} is damaged: the checksum of ${entry.name} does not match. Copy or download it again.`,
    );
  }
}
