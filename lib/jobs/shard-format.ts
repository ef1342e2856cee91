import type { JobRow } from '../contracts/job.ts';

/** Facts that a shard carries beside its rows, by name. */
export type ShardFacts = Readonly<Record<string, string>>;

/** A shard whose rows can be read. */
export interface OpenShard {
  facts: ShardFacts;
  rows: number;
  /** Rows of each piece that is best read at once, in order. */
  groups: readonly number[];
  /** The rows from `start` to before `end`; columns that are not named are null. `key` is always there. */
  read(options?: { columns?: readonly (keyof JobRow)[]; start?: number; end?: number }): Promise<JobRow[]>;
}

/** How the rows of a batch job become a file. */
export interface ShardFormat {
  /** The same rows and facts give the same bytes. */
  write(rows: readonly JobRow[], facts: ShardFacts): Promise<Uint8Array>;
  /** Throws, here or when reading, for what is no whole shard. */
  open(bytes: Uint8Array): OpenShard;
}
