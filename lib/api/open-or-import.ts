import { dirname, join } from 'node:path';
import { type Checkpoint, openCheckpoint } from '../checkpoint/checkpoint.ts';
import { type HubModel, parseHubName } from '../checkpoint/hub/hub-model.ts';
import { importHubModel } from '../checkpoint/import/import-hub-model.ts';
import { namedDirectory } from '../checkpoint/named-model.ts';
import { makeDirectory } from '../files/make-directory.ts';
import { statPath } from '../local/stat-path.ts';
import { userCache } from '../local/user-cache.ts';
import type { ImageGptOptions } from './options.ts';
import { pathOf } from './picture-input.ts';

/**
 * Opens a model by what a user calls it: `igpt-nano`, a directory (path or file URL), or a name on the Hugging Face hub. A
 * model of the hub is imported into the user's cache once.
 *
 * @throws {UsageError} when there is no such directory
 * @throws {CheckpointError} when the model is damaged, or the hub does not have it
 */
export async function openOrImport(
  model: string | URL,
  { onImport }: Pick<ImageGptOptions, 'onImport'>,
): Promise<Checkpoint> {
  const name = pathOf(model, 'a model: igpt-nano, a directory (path or file URL) or a name on the Hugging Face hub');
  // A directory that looks like a name of the hub is the directory.
  const hub = statPath(name, name) === undefined ? parseHubName(name) : undefined;
  return hub === undefined ? openCheckpoint(namedDirectory(name)) : openHubModel(hub, onImport);
}

async function openHubModel(hub: HubModel, onImport: ImageGptOptions['onImport']): Promise<Checkpoint> {
  const directory = join(userCache(), 'models', `${hub.repo}@${hub.revision}`.replaceAll('/', '--'));
  if (statPath(directory, directory) !== undefined) return openCheckpoint(directory);
  await makeDirectory(dirname(directory));
  const { checkpoint } = await importHubModel(hub, directory, {
    downloading: (done, total) => onImport?.('downloading', done, total),
    progress: (done, total) => onImport?.('writing', done, total),
  });
  return checkpoint;
}
