import { isDeepStrictEqual } from 'node:util';
import {
  jobKeys,
  jobSummary,
  type ManifestPicture,
  type ShardRecord,
  shardKey,
  shardRecord,
  shardRecordKey,
} from '../contracts/job.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { readManifest } from './plan-job.ts';
import { makeRecord, type ShardPlace } from './shard.ts';
import { JobError, readJson } from './stored-json.ts';
import { reopenJob, summaryOf } from './summary.ts';

/** `unrecorded`: a run was killed before it stored the checksum; the next run stores it. */
type ShardState = 'whole' | 'missing' | 'damaged' | 'unrecorded';

interface ShardCheck {
  shard: string;
  state: ShardState;
}

/** The manifest of a shard is missing or damaged, so its shard was not checked. */
interface ManifestCheck {
  manifest: string;
  state: 'missing' | 'damaged';
}

/**
 * - `missing`, `damaged`: the summary or `_SUCCESS` of a job whose shards are all whole
 * - `foreign`: a file that is no shard of the job, but that readers take for one
 */
interface FileCheck {
  file: string;
  state: 'missing' | 'damaged' | 'foreign';
}

/**
 * Checks each shard of a job in order: its bytes and rows against its record, its manifest against the hash in the
 * manifest's name. Then checks the summary and `_SUCCESS`, and looks for foreign shards.
 */
export async function* verifyJob(place: ShardPlace): AsyncGenerator<ShardCheck | ManifestCheck | FileCheck> {
  const { output, job } = place;
  const whole: ShardRecord[] = [];
  for (const [number, { manifest }] of job.shards.entries()) {
    const pictures = await orDamaged(readManifest(output, job, number));
    if (pictures === 'damaged') {
      yield { manifest, state: (await output.head(manifest)) === undefined ? 'missing' : 'damaged' };
    } else {
      const found = await checkShard(place, number, pictures);
      if (typeof found !== 'string') whole.push(found);
      yield { shard: shardKey(number), state: typeof found === 'string' ? found : 'whole' };
    }
  }
  if (whole.length === job.shards.length) yield* checkEnd(place, whole);
  const own = new Set(job.shards.map((_, number) => shardKey(number)));
  for await (const { key } of output.list({ prefix: jobKeys.shards })) {
    if (!own.has(key)) yield { file: key, state: 'foreign' };
  }
}

/** The record of a whole shard, or what is wrong with the shard. */
async function checkShard(
  place: ShardPlace,
  number: number,
  pictures: readonly ManifestPicture[],
): Promise<ShardRecord | Exclude<ShardState, 'whole'>> {
  const { output } = place;
  if ((await output.head(shardKey(number))) === undefined) return 'missing';
  const [record, made] = [
    await orDamaged(readJson(output, shardRecordKey(number), shardRecord)),
    await orDamaged(makeRecord(place, number, pictures)),
  ];
  if (record === 'damaged' || made === 'damaged') return 'damaged';
  if (record === undefined) return 'unrecorded';
  return isDeepStrictEqual(record, made) ? record : 'damaged';
}

async function* checkEnd({ output, job }: ShardPlace, records: readonly ShardRecord[]): AsyncGenerator<FileCheck> {
  const summary = await orDamaged(readJson(output, jobKeys.summary, jobSummary));
  if (summary === undefined) {
    yield { file: jobKeys.summary, state: 'missing' };
  } else if (
    summary === 'damaged' ||
    !isDeepStrictEqual(summary, { ...summaryOf(job, records), last_run: summary.last_run })
  ) {
    yield { file: jobKeys.summary, state: 'damaged' };
  }
  if ((await output.head(jobKeys.success)) === undefined) yield { file: jobKeys.success, state: 'missing' };
}

async function orDamaged<T>(reading: Promise<T>): Promise<T | 'damaged'> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof JobError) return 'damaged';
    throw error;
  }
}

/** Deletes a shard and its record, so that the next run makes it again. */
export async function removeShard(output: ObjectStore, number: number): Promise<void> {
  await reopenJob(output);
  await output.delete(shardRecordKey(number));
  await output.delete(shardKey(number));
}
