import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readShardIndex } from '../safetensors/shard-index.ts';
import { type HubModel, weightFiles } from './hub-model.ts';

/** A model in Hugging Face's own cache. */
export interface CachedModel {
  /** Its files are links into `blobs`. */
  directory: string;
  /** Whether a file that brings the palette lies there too: who fetched the model alone has none. */
  hasPalette: boolean;
}

/** Of git, in hex. */
const commit = /^[0-9a-f]{40}$/;

/**
 * Finds a model in Hugging Face's own cache, where it is there with config.json and all weights: what `from_pretrained`
 * or `hf download` have brought. A file that is still being fetched has no link yet.
 *
 * @param cache folder of `models--organisation--name`
 */
export async function findInHubCache({ repo, revision }: HubModel, cache: string): Promise<CachedModel | undefined> {
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
  if (!(await there('config.json'))) return undefined;
  for (const name of weightFiles) {
    if (!(await there(name))) continue;
    const shards = name.endsWith('.index.json') ? ((await readShardIndex(join(snapshot, name))) ?? []) : [];
    const complete = (await Promise.all(shards.map(there))).every(Boolean);
    if (!complete) return undefined;
    const hasPalette = (await there('preprocessor_config.json')) || (await there('kmeans_centers.npy'));
    return { directory: snapshot, hasPalette };
  }
  return undefined;
}
