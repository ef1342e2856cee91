import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readShardIndex } from '../safetensors/shard-index.ts';
import { weightFiles } from './hub-files.ts';
import type { HubModel } from './hub-name.ts';

/** Of git, in hex. */
const commit = /^[0-9a-f]{40}$/;

/**
 * The folder in Hugging Face's own cache that holds a model, where it is there with all that an import needs: what
 * `from_pretrained` or `hf download` have brought. Its files are links into `blobs`; one that is still being fetched has
 * no link yet.
 *
 * @param cache folder of `models--organisation--name`
 * @param hasPalette the palette comes from elsewhere, so the model's own need not be there
 */
export async function findInHubCache(
  { repo, revision }: HubModel,
  cache: string,
  hasPalette: boolean,
): Promise<string | undefined> {
  const folder = join(cache, `models--${repo.replaceAll('/', '--')}`);
  const named = commit.test(revision)
    ? revision
    : (await readFile(join(folder, 'refs', revision), 'utf8').catch(() => '')).trim();
  if (!commit.test(named)) return undefined;
  const snapshot = join(folder, 'snapshots', named);
  const there = (name: string) =>
    access(join(snapshot, name)).then(
      () => true,
      () => false,
    );
  const palette = hasPalette || (await there('preprocessor_config.json')) || (await there('kmeans_centers.npy'));
  if (!palette || !(await there('config.json'))) return undefined;
  for (const name of weightFiles) {
    if (!(await there(name))) continue;
    const shards = name.endsWith('.index.json') ? ((await readShardIndex(join(snapshot, name))) ?? []) : [];
    const complete = (await Promise.all(shards.map(there))).every(Boolean);
    return complete ? snapshot : undefined;
  }
  return undefined;
}
