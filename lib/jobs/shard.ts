import {
  type Job,
  type JobRow,
  jobKeys,
  type ManifestPicture,
  type RowErrorCode,
  type ShardRecord,
  shardKey,
  shardRecord,
  shardRecordKey,
} from '../contracts/job.ts';
import { sha256 } from '../pipeline/outcome-key.ts';
import type { ObjectStore, WriteCondition } from '../ports/object-store.ts';
import { readManifest } from './plan-job.ts';
import { JobError, jsonBytes, readJson } from './stored-json.ts';

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

/** The shards of a job: where they are stored, and in which format. */
export interface ShardPlace {
  output: ObjectStore;
  format: ShardFormat;
  job: Job;
}

/**
 * Stores the rows of a shard, then its record. If another run stored the shard first, its file stays, and the record is
 * made from that file. So a record always belongs to the stored file, even when runs are killed.
 */
export async function storeShard(
  place: ShardPlace,
  shard: number,
  rows: readonly JobRow[],
  condition: WriteCondition = { ifNoneMatch: '*' },
): Promise<void> {
  const { output, format, job } = place;
  const bytes = await format.write(rows, factsOf(job, shard));
  const { status } = await output.put(shardKey(shard), bytes, condition);
  if (status === 'precondition_failed') {
    await recordShard(place, shard);
  } else {
    await putRecord(output, shard, recordOf(job, shard, bytes, rows));
  }
}

/**
 * Returns the record of a stored shard. A missing record is made from the shard's file and stored.
 *
 * @throws {JobError} `shard_damaged` when the record cannot be read, or when the record is missing and the file does not
 *   match the manifest
 */
export async function recordShard(place: ShardPlace, shard: number): Promise<ShardRecord> {
  const { output, job } = place;
  const record = await readJson(output, shardRecordKey(shard), shardRecord).catch((cause: unknown) => {
    if (cause instanceof JobError) throw damaged(shard, `its record ${shardRecordKey(shard)} cannot be read`, cause);
    throw cause;
  });
  if (record !== undefined && record.job === job.id) return record;
  return putRecord(output, shard, await makeRecord(place, shard, await readManifest(output, job, shard)));
}

/**
 * Makes the record of a shard from its file, after comparing its rows with the pictures of its manifest.
 *
 * @throws {JobError} `shard_damaged`, `shard_missing`
 */
export async function makeRecord(
  place: ShardPlace,
  shard: number,
  pictures: readonly ManifestPicture[],
): Promise<ShardRecord> {
  const { bytes, opened } = await openStored(place, shard);
  const rows = await opened.read({ columns: ['error_code'] }).catch((cause: unknown) => {
    throw damaged(shard, 'its rows cannot be read', cause);
  });
  if (rows.length !== pictures.length || rows.some(({ key }, i) => key !== pictures[i]?.key)) {
    throw damaged(shard, 'its rows are not those of the manifest');
  }
  return recordOf(place.job, shard, bytes, rows);
}

/**
 * Opens the stored file of a shard.
 *
 * @throws {JobError} `shard_damaged`, `shard_missing`
 */
export async function openStored(
  { output, format, job }: ShardPlace,
  shard: number,
): Promise<{ bytes: Uint8Array; etag: string; opened: OpenShard }> {
  const read = await output.get(shardKey(shard));
  if (read.status !== 'found') {
    throw new JobError(
      'shard_missing',
      `Expected ${shardKey(shard)}, but it does not exist: run igpt batch run again.`,
    );
  }
  let opened: OpenShard;
  try {
    opened = format.open(read.body);
  } catch (cause) {
    throw damaged(shard, 'it cannot be read', cause);
  }
  const { 'igpt.job': owner } = opened.facts;
  if (owner !== job.id) throw damaged(shard, `it belongs to another job, ${owner}`);
  return { bytes: read.body, etag: read.object.etag, opened };
}

/** Numbers of the job's stored shards. */
export async function storedShards(output: ObjectStore, job: Job): Promise<Set<number>> {
  const numbers = new Map(job.shards.map((_, number) => [shardKey(number), number]));
  const stored = new Set<number>();
  for await (const { key } of output.list({ prefix: jobKeys.shards })) {
    const number = numbers.get(key);
    if (number !== undefined) stored.add(number);
  }
  return stored;
}

async function putRecord(output: ObjectStore, shard: number, record: ShardRecord): Promise<ShardRecord> {
  await output.put(shardRecordKey(shard), jsonBytes(record));
  return record;
}

function recordOf(job: Job, shard: number, bytes: Uint8Array, rows: readonly JobRow[]): ShardRecord {
  const failures: Partial<Record<RowErrorCode, number>> = {};
  for (const { error_code: code } of rows) if (code !== null) failures[code] = (failures[code] ?? 0) + 1;
  const failed = rows.filter(({ error_code }) => error_code !== null).length;
  return {
    shard: shardKey(shard),
    job: job.id,
    rows: rows.length,
    succeeded: rows.length - failed,
    failed,
    // Sorted, so that equal counts give equal bytes.
    failures: Object.fromEntries(Object.entries(failures).sort(([a], [b]) => (a < b ? -1 : 1))),
    bytes: bytes.length,
    sha256: sha256(bytes),
  };
}

function factsOf(job: Job, shard: number): ShardFacts {
  return { 'igpt.job': job.id, 'igpt.model': job.settings.model, 'igpt.shard': String(shard) };
}

function damaged(shard: number, why: string, cause?: unknown): JobError {
  return new JobError(
    'shard_damaged',
    `Expected ${shardKey(shard)} whole, but ${why}: remove it with igpt batch verify --remove, then run again.`,
    { cause },
  );
}
