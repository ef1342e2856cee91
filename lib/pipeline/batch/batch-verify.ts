import { type BatchJob, shardKey, shardRecord, shardRecordKey } from '../../contracts/batch.ts';
import type { ObjectStore } from '../ports.ts';
import { sha256 } from '../sha256.ts';
import { readManifest } from './batch-job.ts';
import { reopenJob } from './batch-summary.ts';
import { readJson } from './stored-json.ts';

/** `unrecorded`: its checksum was never stored, as a run was killed before; the next run does that. */
type ShardState = 'whole' | 'missing' | 'damaged' | 'unrecorded';

export interface ShardCheck {
  shard: string;
  state: ShardState;
}

/**
 * Looks at each shard of a job, in order: its bytes against its checksum, its manifest against the hash in its name.
 *
 * @throws {BatchError} `manifest_damaged`
 */
export async function* verifyBatch(output: ObjectStore, job: BatchJob): AsyncGenerator<ShardCheck> {
  for (const number of job.shards.keys()) {
    await readManifest(output, job, number);
    yield { shard: shardKey(number), state: await stateOf(output, job, number) };
  }
}

async function stateOf(output: ObjectStore, job: BatchJob, number: number): Promise<ShardState> {
  const read = await output.get(shardKey(number));
  if (read.status !== 'found') return 'missing';
  const record = await readJson(output, shardRecordKey(number), shardRecord).catch(() => 'damaged' as const);
  if (record === undefined) return 'unrecorded';
  if (record === 'damaged' || record.job !== job.id) return 'damaged';
  return record.bytes === read.body.length && record.sha256 === sha256(read.body) ? 'whole' : 'damaged';
}

/** Takes a shard away with its record, so that the next run makes it again. */
export async function removeShard(output: ObjectStore, number: number): Promise<void> {
  await reopenJob(output);
  await output.delete(shardRecordKey(number));
  await output.delete(shardKey(number));
}
