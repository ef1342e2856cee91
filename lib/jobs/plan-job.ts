import { createHash } from 'node:crypto';
import {
  type Job,
  type JobSettings,
  jobKeys,
  jobSchema,
  type ManifestPicture,
  manifestKey,
  manifestPicture,
} from '../contracts/job.ts';
import { sha256 } from '../pipeline/outcome-key.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { JobError, jsonBytes, readJson } from './stored-json.ts';

/** Hex digits of a job id: 64 bits, enough for every job to have its own. */
const idDigits = 16;

/** Hex digits of a manifest's hash (48 bits). It tells apart the lists that several runs may write for one shard. */
const manifestDigits = 12;

export interface PlanOptions {
  output: ObjectStore;
  settings: JobSettings;
  pictures: AsyncIterable<ManifestPicture>;
  /** Most shards that the job may have (default: no limit). */
  maxShards?: number;
  /** Pictures listed so far. */
  onListed?: (pictures: number) => void;
  signal?: AbortSignal;
}

/**
 * The job of an output; undefined when there is none.
 *
 * @throws {JobError} `batch_file_damaged`
 */
export function readJob(output: ObjectStore): Promise<Job | undefined> {
  return readJson(output, jobKeys.job, jobSchema);
}

/**
 * Returns the job of the output, or makes a new one with its manifests. A new job is written in two steps: first a
 * manifest for each shard, with a hash of its content in its name; then `_job.json`, which names the manifests and
 * which only one writer can create. So two runs that list at the same time get the same job. If a run is killed before
 * it writes `_job.json`, the next run lists again.
 *
 * @throws {JobError} `other_job` when the existing job has other settings; `output_not_empty`, `no_pictures`,
 *   `too_many_shards`
 */
export async function planJob(options: PlanOptions): Promise<Job> {
  const { output, settings, signal, maxShards = Number.POSITIVE_INFINITY } = options;
  const existing = await readJob(output);
  if (existing !== undefined) return refuseTooMany(refuseOther(existing, settings), maxShards);
  await refuseForeignShards(output);

  const shards: Job['shards'] = [];
  // The id covers the settings that change rows, so not where the pictures lie.
  const { store: _, source: __, ...changesRows } = settings;
  const identity = createHash('sha256').update(JSON.stringify(changesRows));
  let pictures = 0;
  for await (const list of chunks(options.pictures, settings.shard_size)) {
    signal?.throwIfAborted();
    pictures += list.length;
    options.onListed?.(pictures);
    // Beyond the limit, pictures are only counted: the error below suggests a shard size.
    if (shards.length === maxShards) continue;
    const text = list.map(({ key, etag }) => `${JSON.stringify({ key, etag })}\n`).join('');
    const hash = sha256(text);
    const manifest = manifestKey(shards.length, hash.slice(0, manifestDigits));
    await output.put(manifest, new TextEncoder().encode(text), { ifNoneMatch: '*' });
    identity.update(hash);
    shards.push({ pictures: list.length, manifest });
  }
  if (pictures === 0) {
    throw new JobError('no_pictures', `Expected pictures in ${settings.source}, found none: name another source.`);
  }
  refuseTooMany({ pictures, settings }, maxShards);
  const id = identity.digest('hex').slice(0, idDigits);
  const job: Job = { schema_version: 1, id, settings, pictures, shards };
  const written = await output.put(jobKeys.job, jsonBytes(job), { ifNoneMatch: '*' });
  const current = written.status === 'stored' ? job : await readJob(output);
  if (current === undefined)
    throw new JobError('job_gone', 'Expected the job that another run has just written, but it is gone: run again.');
  return refuseOther(current, settings);
}

/**
 * Reads the pictures of a shard, in order.
 *
 * @throws {JobError} `manifest_damaged`
 */
export async function readManifest(output: ObjectStore, job: Job, shard: number): Promise<ManifestPicture[]> {
  const { manifest = '', pictures } = job.shards[shard] ?? {};
  const read = await output.get(manifest);
  const text = read.status === 'found' ? new TextDecoder().decode(read.body) : '';
  if (!manifest.includes(`-${sha256(text).slice(0, manifestDigits)}.`)) {
    throw new JobError(
      'manifest_damaged',
      `Expected ${manifest} as it was written, but it is ${read.status === 'found' ? 'damaged' : 'gone'}: restore it, or start again in another directory.`,
    );
  }
  const list = text
    .trimEnd()
    .split('\n')
    .map((line) => manifestPicture.parse(JSON.parse(line)));
  if (list.length !== pictures) {
    throw new JobError(
      'manifest_damaged',
      `Expected ${pictures} pictures in ${manifest}, found ${list.length}: restore it, or start again in another directory.`,
    );
  }
  return list;
}

/** Shards are written after their job. Shards without a job are foreign, and would be taken for shards of this job. */
async function refuseForeignShards(output: ObjectStore): Promise<void> {
  for await (const { key } of output.list({ prefix: jobKeys.shards })) {
    // Another run may have written the job meanwhile.
    if ((await readJob(output)) !== undefined) return;
    throw new JobError(
      'output_not_empty',
      `Expected an empty output or a job, but found ${key} without ${jobKeys.job}: choose another directory.`,
    );
  }
}

function refuseTooMany<T extends Pick<Job, 'pictures' | 'settings'>>(job: T, maxShards: number): T {
  const { pictures, settings } = job;
  const shards = Math.ceil(pictures / settings.shard_size);
  if (shards <= maxShards) return job;
  throw new JobError(
    'too_many_shards',
    `Expected at most ${maxShards} shards, but ${pictures} pictures make ${shards} shards of ${settings.shard_size}: choose --shard-size ${Math.ceil(pictures / maxShards)} or more.`,
  );
}

function refuseOther(job: Job, settings: JobSettings): Job {
  const theirs = flat(job.settings);
  const differing = Object.entries(flat(settings)).filter(([name, value]) => theirs[name] !== value);
  if (differing.length === 0) return job;
  const words = differing.map(([name, value]) => `${name} ${theirs[name]}, not ${value}`);
  throw new JobError(
    'other_job',
    `Expected an empty output or the same job, but found job ${job.id} with ${words.join('; with ')}: choose another directory, or the same options.`,
  );
}

/** Each setting as JSON, by its name; nested ones as `model_options.outputs`. */
function flat(settings: JobSettings): Record<string, string> {
  const { model_options, decoding, ...rest } = settings;
  const named = (prefix: string, values: object): [string, string][] =>
    Object.entries(values).map(([name, value]) => [prefix + name, JSON.stringify(value)]);
  return Object.fromEntries([
    ...named('', rest),
    ...named('model_options.', model_options),
    ...named('decoding.', decoding),
  ]);
}

async function* chunks<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let chunk: T[] = [];
  for await (const item of items) {
    chunk.push(item);
    if (chunk.length === size) {
      yield chunk;
      chunk = [];
    }
  }
  if (chunk.length > 0) yield chunk;
}
