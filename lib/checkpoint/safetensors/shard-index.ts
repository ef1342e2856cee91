import { basename } from 'node:path';
import { z } from 'zod';
import { CheckpointError } from '../error.ts';
import { readJsonFile } from '../json-file.ts';

/** What transformers writes beside the shards of a large checkpoint. */
const schema = z.looseObject({ weight_map: z.record(z.string(), z.string()) });

/**
 * Names of the shards that an index file speaks of, sorted; undefined when there is no such file.
 *
 * @throws CheckpointError `weights_invalid`, also for a name that leads out of the directory
 */
export async function readShardIndex(path: string): Promise<string[] | undefined> {
  const index = await readJsonFile(path, schema, 'weights_invalid');
  if (index === undefined) {
    return undefined;
  }
  const shards = [...new Set(Object.values(index.weight_map))].sort();
  for (const shard of shards) {
    if (basename(shard) !== shard || shard === '..' || shard.includes('\\')) {
      throw new CheckpointError(
        'weights_invalid',
        `${basename(path)} names the file ${JSON.stringify(shard)}; expected a file name inside the directory.`,
      );
    }
  }
  return shards;
}
