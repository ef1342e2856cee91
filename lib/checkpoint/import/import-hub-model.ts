import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { userCache } from '../../local/user-cache.ts';
import { CheckpointError } from '../error.ts';
import { findInHubCache } from '../hub/hub-cache.ts';
import type { HubModel } from '../hub/hub-model.ts';
import { readHubSettings } from '../hub/hub-settings.ts';
import { type Imported, type ImportOptions, importCheckpoint } from './import-checkpoint.ts';

export interface ImportHubOptions extends Omit<ImportOptions, 'name'> {
  /** Called with the bytes that were downloaded so far, and in total. */
  downloading?: ((done: number, total: number) => void) | undefined;
}

/**
 * Imports a model of the Hugging Face hub into the new directory `out`. Takes it from the cache of Hugging Face's own tools
 * if it is there, without the network. A download is kept until it is imported, so that an interrupted one is resumed.
 *
 * @throws CheckpointError
 */
export async function importHubModel(model: HubModel, out: string, options: ImportHubOptions): Promise<Imported> {
  const { downloading, ...importing } = { ...options, name: model.repo };
  const { cache, offline, ...hub } = await readHubSettings(process.env);
  const cached = await findInHubCache(model, cache);
  if (cached !== undefined && (cached.hasPalette || options.palette !== undefined)) {
    return importCheckpoint(cached.directory, out, importing);
  }
  const name = `${model.repo}@${model.revision}`;
  // from_pretrained fetches a model without its palette.
  const advice =
    cached &&
    `${cache} holds ${name}, but not its palette. Download only ${hub.hubUrl}/${model.repo}/resolve/${model.revision}/preprocessor_config.json, and pass it with --palette.`;
  if (offline) {
    throw new CheckpointError(
      'download_failed',
      advice === undefined
        ? `HF_HUB_OFFLINE is set, but ${cache} does not hold ${name}; unset it, or give a directory.`
        : `HF_HUB_OFFLINE is set. ${advice}`,
    );
  }
  const directory = join(userCache(), 'hub', name.replaceAll('/', '--'));
  // Loaded only when needed: it would slow the start of every other import.
  const { downloadModel } = await import('../hub/hub-download.ts');
  await downloadModel(model, { ...hub, directory, progress: downloading }).catch((error: unknown) => {
    if (advice === undefined || !(error instanceof CheckpointError)) throw error;
    throw new CheckpointError(error.code, `${error.message} ${advice}`, { cause: error });
  });
  const imported = await importCheckpoint(directory, out, importing);
  await rm(directory, { recursive: true, force: true });
  return imported;
}
