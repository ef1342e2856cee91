import { createHash } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { nameBeside, removeLeftovers } from '../../files/leftovers.ts';
import { makeDirectory } from '../../files/make-directory.ts';
import { createFile, openRegularFile, readTextFile } from '../../files/regular-file.ts';
import { decodeNpyHeader, encodeNpyHeader, littleEndianBytes, type NpyDtype } from '../../image-gpt/npy.ts';
import { errorCode } from '../../ports/error.ts';
import { DataSetError } from '../error.ts';
import type { DataSet } from './data-set.ts';

/** Changes whenever the contents of a cached token set change meaning. */
const formatName = 'igpt-token-set-2';

const description = z.object({
  format: z.literal(formatName),
  name: z.string(),
  size: z.int().positive(),
  tokens_per_picture: z.int().positive(),
  classes: z.array(z.string()),
  labelled: z.boolean(),
  divided: z.boolean(),
  skipped: z.record(z.string(), z.int().positive()),
  keys: z.array(z.string()).optional(),
});

/**
 * Key of a token set in the cache.
 *
 * @param parts everything that decides its tokens: preprocessing, and every picture's key and version
 */
export function tokenSetKey(parts: readonly string[]): string {
  return createHash('sha256')
    .update(JSON.stringify([formatName, ...parts]))
    .digest('hex')
    .slice(0, 32);
}

/**
 * Returns the token set of `key` from the cache, or makes it and stores it there. A token set appears whole or not at
 * all: processes that are killed or that run at the same time do no harm. A damaged token set is made again.
 *
 * @throws DataSetError `cache_not_writable`; what `make` throws
 */
export async function cachedTokenSet(cache: string, key: string, make: () => Promise<DataSet>): Promise<DataSet> {
  const place = join(cache, 'token-sets', key);
  const found = await readTokenSet(place).catch(() => undefined);
  if (found !== undefined) return found;
  await removeLeftovers(place);
  const unfinished = nameBeside(place, 'tmp');
  // First, so that a cache that is not writable is reported before the work.
  await makeDirectory(unfinished).catch(refused(cache));
  try {
    const made = await make();
    await writeTokenSet(unfinished, made).catch(refused(cache));
    await rm(place, { recursive: true, force: true });
    // Another process may have been faster, with the same tokens.
    await rename(unfinished, place).catch(() => undefined);
    return made;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

function refused(cache: string): (cause: unknown) => never {
  return (cause) => {
    const code = errorCode(cause) ?? String(cause);
    throw new DataSetError(
      'cache_not_writable',
      `could not write the token set to ${cache} (${code}); free space there, or choose another folder with --cache`,
      { cause },
    );
  };
}

async function writeTokenSet(folder: string, set: DataSet): Promise<void> {
  const { name, size, tokensPerPicture: n, tokens, labels, parts, classes, skipped, keys } = set;
  await writeNpy(join(folder, 'tokens.npy'), 'u2', [size, n], tokens);
  if (labels !== undefined) await writeNpy(join(folder, 'labels.npy'), 'i4', [size], labels);
  if (parts !== undefined) await writeNpy(join(folder, 'parts.npy'), 'u1', [size], parts);
  const json: z.infer<typeof description> = {
    format: formatName,
    name,
    size,
    tokens_per_picture: n,
    classes: [...classes],
    labelled: labels !== undefined,
    divided: parts !== undefined,
    skipped,
    keys: keys && [...keys],
  };
  await createFile(join(folder, 'token-set.json'), JSON.stringify(json, undefined, 1));
}

async function readTokenSet(folder: string): Promise<DataSet> {
  const json = description.parse(JSON.parse(await readTextFile(join(folder, 'token-set.json'))));
  const { name, size, tokens_per_picture: n, classes, labelled, divided, skipped, keys } = json;
  const tokens = new Uint16Array(size * n);
  await readNpy(join(folder, 'tokens.npy'), tokens);
  const labels = labelled ? new Int32Array(size) : undefined;
  if (labels !== undefined) await readNpy(join(folder, 'labels.npy'), labels);
  const parts = divided ? new Uint8Array(size) : undefined;
  if (parts !== undefined) await readNpy(join(folder, 'parts.npy'), parts);
  return {
    name,
    size,
    tokensPerPicture: n,
    tokens,
    classes,
    skipped,
    keys,
    labels,
    parts,
  };
}

/** Bytes read or written at once; the system allows at most 2 GiB. */
const pieceBytes = 2 ** 30;

async function writeNpy(
  path: string,
  dtype: NpyDtype,
  shape: readonly number[],
  data: Uint8Array | Uint16Array | Int32Array,
): Promise<void> {
  await using file = await openRegularFile(path, 'create');
  await file.writeFile(encodeNpyHeader(dtype, shape));
  const bytes = littleEndianBytes(data);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    await file.writeFile(bytes.subarray(at, at + pieceBytes));
  }
  // Without this, a power cut could leave an empty file under the final name.
  await file.datasync();
}

/** Bytes read for a header; ours have 128. */
const headBytes = 256;

/** Fills `data` from a file that {@link writeNpy} wrote with the same number of values. */
async function readNpy(path: string, data: Uint8Array | Uint16Array | Int32Array): Promise<void> {
  await using file = await openRegularFile(path);
  const head = new Uint8Array(headBytes);
  const { bytesRead } = await file.read(head, 0, head.length, 0);
  const { dataStart, itemBytes } = decodeNpyHeader(head.subarray(0, bytesRead));
  const { size } = await file.stat();
  if (itemBytes !== data.BYTES_PER_ELEMENT || size !== dataStart + data.byteLength) {
    throw new DataSetError('cache_damaged', `${path} is not as igpt wrote it`);
  }
  const bytes = new Uint8Array(data.buffer);
  for (let at = 0; at < bytes.length; ) {
    const piece = await file.read(bytes, at, Math.min(pieceBytes, bytes.length - at), dataStart + at);
    if (piece.bytesRead === 0) throw new DataSetError('cache_damaged', `${path} became shorter while it was read`);
    at += piece.bytesRead;
  }
  // On a big-endian machine writing swapped the bytes; this swaps them back.
  bytes.set(littleEndianBytes(data));
}
