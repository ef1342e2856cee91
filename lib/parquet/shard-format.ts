import type { ShardFormat } from '../pipeline/ports.ts';
import { openShard } from './read-shard.ts';
import { writeShard } from './write-shard.ts';

/** Shards as Parquet files. */
export const parquetShards: ShardFormat = {
  write: async (rows, facts) => writeShard(rows, facts),
  open: openShard,
};
