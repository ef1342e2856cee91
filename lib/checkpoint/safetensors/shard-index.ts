import { basename } from 'node:path';
import { z } from 'zod';
import { CheckpointError } from '../error.ts';
import { readJsonFile } from '../json-file.ts';
import { longMap } from '../long-schemas.ts';

/** A file name without a folder, which every file system allows. */
const plainName = /^(?!\.{1,2}$)[^/\\\p{Cc}]{1,200}$/u;

/** Of 5 GB each, as transformers writes them. The limit bounds the open files and the time for a hostile index. */
const maxShards = 1024;

/** The index that transformers writes beside the shards of a large checkpoint. */
const schema = z.looseObject({ weight_map: longMap(z.string()) });

/**
 * File names of the shards that an index file lists, sorted.
 *
 * @returns undefined if there is no such file
 * @throws CheckpointError `weights_invalid`, also if a name leads out of the directory
 */
export async function readShardIndex(path: string): Promise<string[] | undefined> {
  const index = await readJsonFile(path, schema, 'weights_invalid');
  if (index === undefined) {
    return undefined;
  }
  const shards = [...new Set(Object.values(index.weight_map))].sort();
  if (shards.length > maxShards) {
    throw new CheckpointError(
      'weights_invalid',
      `${basename(path)} lists ${shards.length} files; expected at most ${maxShards}.`,
    );
  }
  for (const shard of shards) {
    if (!plainName.test(shard)) {
      throw new CheckpointError(
        'weights_invalid',
        `${basename(path)} lists the file ${JSON.stringify(shard)}; expected a plain file name in the same directory.`,
      );
    }
  }
  return shards;
}
