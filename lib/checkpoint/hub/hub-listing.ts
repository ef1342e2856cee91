import { z } from 'zod';
import { maxJsonBytes } from '../bounded-json.ts';
import { firstIssue } from '../json-file.ts';
import { longList } from '../long-schemas.ts';
import { type HubAccess, postJson } from './hub-client.ts';
import { type HubModel, isSmallFile } from './hub-model.ts';

/** A file of a model on the hub. */
export interface HubFile {
  path: string;
  /** Bytes. */
  size: number;
  /** SHA-256 of the bytes for large files, git's SHA-1 of a blob for small ones (hex). */
  checksum: { algorithm: 'sha1' | 'sha256'; hex: string };
}

const sha1 = z.string().regex(/^[0-9a-f]{40}$/);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const size = z.int().nonnegative();

/** An entry of the hub's `paths-info`. Large files are in LFS, and `oid` is then that of a pointer file. */
const entrySchema = z.looseObject({
  path: z.string(),
  size,
  oid: sha1,
  lfs: z.looseObject({ oid: sha256, size }).nullish(),
});

/** Our own requests decide what is a file name here: an entry of another path is dropped unread. */
const listSchema = longList(z.looseObject({ path: z.string(), type: z.string() }));

/**
 * Lists those of `paths` that the model has, each once.
 *
 * @throws Error with a reason of a few words; HubStatusError
 */
export async function listFiles(
  { repo, revision }: HubModel,
  paths: readonly string[],
  access: HubAccess,
): Promise<HubFile[]> {
  const api = `api/models/${repo}/paths-info/${encodeURIComponent(revision)}`;
  const listed = await postJson(api, { paths }, listSchema, access);
  const files = new Map<string, HubFile>();
  for (const entry of listed) {
    if (entry.type !== 'file' || !paths.includes(entry.path) || files.has(entry.path)) continue;
    files.set(entry.path, toFile(entry));
  }
  return [...files.values()];
}

function toFile(entry: { path: string }): HubFile {
  const parsed = entrySchema.safeParse(entry);
  if (!parsed.success) {
    throw new Error(`its listing of ${entry.path} is not as expected: ${firstIssue(parsed.error)}`);
  }
  const { path, size, oid, lfs } = parsed.data;
  if (lfs && lfs.size !== size) throw new Error(`its listing has two sizes for ${path}`);
  if (isSmallFile(path) && size > maxJsonBytes) {
    throw new Error(`its listing has ${size} bytes for ${path}, expected at most ${maxJsonBytes}`);
  }
  return {
    path,
    size,
    checksum: lfs ? { algorithm: 'sha256', hex: lfs.oid } : { algorithm: 'sha1', hex: oid },
  };
}
