import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { readTextFile } from '../../files/regular-file.ts';
import { readShardIndex } from '../safetensors/shard-index.ts';
import { type HubModel, weightFiles } from './hub-model.ts';

/** A model in the Hugging Face cache. */
export interface CachedModel {
  /** Its files are links into the folder `blobs`. */
  directory: string;
  /** Whether a palette file was downloaded with the weights. */
  hasPalette: boolean;
}

/** A git commit (hex). */
const commitPattern = /^[0-9a-f]{40}$/;

/**
 * Finds a model that `from_pretrained` or `hf download` stored in the Hugging Face cache. A file that is still being
 * downloaded has no link yet.
 *
 * @param cache the folder that holds `models--organisation--name`
 * @returns undefined unless config.json and all weights are present
 */
export async function findInHubCache({ repo, revision }: HubModel, cache: string): Promise<CachedModel | undefined> {
  const folder = join(cache, `models--${repo.replaceAll('/', '--')}`);
  const commit = commitPattern.test(revision)
    ? revision
    : (await readTextFile(join(folder, 'refs', revision)).catch(() => '')).trim();
  if (!commitPattern.test(commit)) return undefined;
  const snapshot = join(folder, 'snapshots', commit);
  const exists = (name: string) =>
    access(join(snapshot, name)).then(
      () => true,
      () => false,
    );
  if (!(await exists('config.json'))) return undefined;
  for (const name of weightFiles) {
    if (!(await exists(name))) continue;
    const shards = name.endsWith('.index.json') ? ((await readShardIndex(join(snapshot, name))) ?? []) : [];
    const complete = (await Promise.all(shards.map(exists))).every(Boolean);
    if (!complete) return undefined;
    const hasPalette = (await exists('preprocessor_config.json')) || (await exists('kmeans_centers.npy'));
    return { directory: snapshot, hasPalette };
  }
  return undefined;
}
