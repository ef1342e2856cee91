import { crc32 } from 'node:zlib';
import { type ByteFile, openByteFile } from '../byte-file.ts';
import { CheckpointError } from '../error.ts';
import type { SourceTensor, TensorSource } from '../tensor-source.ts';
import { openLegacy } from './legacy.ts';
import { readPickle } from './pickle.ts';
import { allowedGlobals, stateDictTensors, type TensorView } from './state-dict.ts';
import { tensorPieces } from './strided.ts';
import { readZip, type ZipEntry } from './zip.ts';

/** XL's has about 250 kB; this bounds what a hostile file can cost. */
const maxPickleBytes = 16 * 2 ** 20;

/** Where the storages of a file lie, whichever form it has. */
export interface TorchFile {
  tensors: readonly TensorView[];
  /** First byte of the storage of `tensor`; checks what can be checked before it is read. */
  locate(tensor: TensorView): Promise<number>;
}

/**
 * Opens what `torch.save` wrote: a zip file, or the legacy form of PyTorch before 1.6. Tensors are read, nothing is run.
 *
 * @throws CheckpointError `weights_unsafe` for a pickle that asks for more than tensors; `weights_invalid`,
 * `weights_truncated`, `weights_missing`
 */
export async function openTorch(path: string): Promise<TensorSource> {
  const file = await openByteFile(path);
  try {
    const isZip = file.size >= 4 && (await file.read(0, 4)).toString('latin1') === 'PK\x03\x04';
    const { tensors, locate } = isZip ? await openZip(file) : await openLegacy(file, maxPickleBytes);
    return {
      format: isZip ? 'PyTorch' : 'PyTorch, legacy form',
      tensors: new Map(tensors.map((tensor) => [tensor.name, toSource(file, tensor, locate)])),
      bytes: file.size,
      [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
    };
  } catch (error) {
    await file[Symbol.asyncDispose]();
    throw error;
  }
}

function toSource(file: ByteFile, tensor: TensorView, locate: TorchFile['locate']): SourceTensor {
  const { name, shape } = tensor;
  const { dtype } = tensor.storage;
  return {
    name,
    dtype,
    shape,
    async *pieces() {
      yield* tensorPieces(file, await locate(tensor), tensor);
    },
  };
}

async function openZip(file: ByteFile): Promise<TorchFile> {
  const entries = await readZip(file);
  const [pickle, ...others] = [...entries.values()].filter(({ name }) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickle === undefined || others.length > 0) {
    throw invalid(file, `${pickle === undefined ? 'no' : 'several'} data.pkl: expected what torch.save writes`);
  }
  if (pickle.length > maxPickleBytes) throw invalid(file, `a pickle of ${pickle.length} bytes`);
  const folder = pickle.name.slice(0, -'data.pkl'.length);
  const order = entries.get(`${folder}byteorder`);
  if (
    order !== undefined &&
    (await file.read(order.offset, Math.min(order.length, 6))).toString('latin1') !== 'little'
  ) {
    throw invalid(file, 'numbers in big-endian order, which are not supported');
  }
  const { value } = readPickle(await file.read(pickle.offset, pickle.length), 0, allowedGlobals);
  const sound = new Set<string>();
  return {
    tensors: stateDictTensors(value),
    async locate({ name, storage: { key, elements, itemBytes } }) {
      const entry = entries.get(`${folder}data/${key}`);
      if (entry === undefined || entry.length < elements * itemBytes) {
        throw invalid(file, `${entry?.length ?? 'no'} bytes for ${name}, which needs ${elements * itemBytes}`);
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

function invalid(file: ByteFile, found: string): CheckpointError {
  return new CheckpointError('weights_invalid', `${file.name} is not a valid PyTorch file: it has ${found}.`);
}
