import type { JobRow } from '../contracts/job.ts';

/** Metadata of a shard, by name. */
export type ShardFacts = Readonly<Record<string, string>>;

/** A shard whose rows can be read. */
export interface OpenShard {
  facts: ShardFacts;
  rows: number;
  /** Number of rows of each row group, in order. Reading a whole group at once is fastest. */
  groups: readonly number[];
  /** The rows from `start` up to but not including `end`. Columns that are not asked for are null, except `key`. */
  read(options?: { columns?: readonly (keyof JobRow)[]; start?: number; end?: number }): Promise<JobRow[]>;
}

/** Converts the rows of a shard to a file and back. */
export interface ShardFormat {
  /** The same rows and facts give the same bytes. */
  write(rows: readonly JobRow[], facts: ShardFacts): Promise<Uint8Array>;
  /** Throws for a damaged shard, here or when its rows are read. */
  open(bytes: Uint8Array): OpenShard;
}
