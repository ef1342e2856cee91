import { createHash, type Hash } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { downloadFile, HubApiError, type PathInfo, pathsInfo } from '@huggingface/hub';
import { makeDirectory } from '../../files/make-directory.ts';
import { replaceFile } from '../../files/place-file.ts';
import { openRegularFile } from '../../files/regular-file.ts';
import { systemSaid } from '../../local/error.ts';
import { errorCode } from '../../ports/error.ts';
import { CheckpointError } from '../error.ts';
import { refuseFullDisk } from '../import/new-directory.ts';
import { readShardIndex } from '../safetensors/shard-index.ts';
import { type HubModel, sideFiles, weightFiles } from './hub-model.ts';
import type { HubSettings } from './hub-settings.ts';

export interface DownloadOptions extends Partial<Pick<HubSettings, 'hubUrl' | 'accessToken'>> {
  /** Where the files are written. An interrupted download in it is resumed. */
  directory: string;
  /** Called with the bytes downloaded so far, and in total. */
  progress?: ((done: number, total: number) => void) | undefined;
  /** Pause before a broken download is resumed (milliseconds; default 2000). */
  pauseMs?: number | undefined;
}

/** Status codes for a missing or private model. Other failures may be temporary. */
const refusals = [401, 403, 404];

/** A download fails after this many attempts in a row without a new byte. */
const maxAttempts = 5;

/**
 * Downloads the files of a model that an import needs. Resumes partial files and verifies every file by the hub's
 * checksum.
 *
 * @throws CheckpointError `download_failed`; if the hub is unreachable, it says what to download by hand
 */
export async function downloadModel(model: HubModel, options: DownloadOptions): Promise<void> {
  const { directory, progress = () => {} } = options;
  const listed = await list(model, [...sideFiles, ...weightFiles], options);
  const weights = weightFiles
    .map((name) => listed.find(({ path }) => path === name))
    .find((file) => file !== undefined);
  if (weights === undefined) {
    throw failed(`${model.repo} has no weights on the hub; expected one of ${weightFiles.join(', ')}`);
  }
  await makeDirectory(directory).catch((cause: unknown) => {
    throw failed(`the download cannot be stored in ${directory}: the system said ${systemSaid(cause)}`, cause);
  });
  const files = [...listed.filter(({ path }) => sideFiles.includes(path)), weights];
  if (weights.path.endsWith('.index.json')) {
    await fetchFile(model, weights, options, () => {});
    const shards = (await readShardIndex(join(directory, weights.path))) ?? [];
    files.push(...(await list(model, shards, options)));
  }
  const total = files.reduce((sum, { size }) => sum + size, 0);
  await refuseFullDisk(directory, total - (await bytesPresent(directory)));
  let before = 0;
  for (const file of files) {
    await fetchFile(model, file, options, (done) => progress(before + done, total));
    before += file.size;
  }
}

async function list({ repo, revision }: HubModel, paths: string[], options: DownloadOptions): Promise<PathInfo[]> {
  try {
    const listed = await pathsInfo({ repo, revision, paths, ...hubOf(options) });
    // Paths become file names here, so a path that we did not ask for is dropped.
    return listed.filter(({ path }) => paths.includes(path));
  } catch (error) {
    throw explain({ repo, revision }, options, error);
  }
}

/** Downloads one file, unless it is already complete. */
async function fetchFile(
  model: HubModel,
  file: PathInfo,
  options: DownloadOptions,
  progress: (done: number) => void,
): Promise<void> {
  const { directory, pauseMs = 2000 } = options;
  const path = join(directory, file.path);
  if ((await sizeOf(path)) === file.size && (await isSound(path, file))) {
    progress(file.size);
    return;
  }
  // The name holds the checksum, so a partial file of another version is never resumed.
  const part = `${path}.${checksumOf(file).slice(0, 12)}.part`;
  for (let attempt = 1, best = -1; ; attempt++) {
    try {
      await continueDownload(model, file, part, options, progress);
      break;
    } catch (error) {
      const there = await sizeOf(part);
      if (there > best) attempt = 1;
      best = there;
      if (attempt >= maxAttempts || error instanceof CheckpointError) throw explain(model, options, error);
      await pause(pauseMs);
    }
  }
  if (!(await isSound(part, file))) {
    await rm(part);
    throw failed(`${file.path} of ${model.repo} arrived damaged: its checksum does not match; run the command again`);
  }
  await replaceFile(part, path);
}

async function continueDownload(
  { repo, revision }: HubModel,
  { path, size }: PathInfo,
  part: string,
  options: DownloadOptions,
  progress: (done: number) => void,
): Promise<void> {
  let done = await sizeOf(part);
  if (done >= size) {
    if (done > size) await rm(part);
    if (done === size) return;
    done = 0;
  }
  // Plain HTTP with ranges works on every mirror of the hub; its Xet protocol does not.
  const blob = await downloadFile({ repo, revision, path, xet: false, ...hubOf(options) });
  if (blob === null) throw failed(`${path} of ${repo} is no longer on the hub; run the command again`);
  const file = await openRegularFile(part, 'append');
  const rest = done === 0 ? blob : blob.slice(done);
  await pipeline(
    Readable.fromWeb(rest.stream()),
    async function* (chunks: AsyncIterable<Uint8Array>) {
      for await (const chunk of chunks) {
        done += chunk.length;
        if (done > size)
          throw failed(`the hub sent more than the ${size} bytes it announced for ${path}; run the command again`);
        progress(Math.min(done, size));
        yield chunk;
      }
    },
    file.createWriteStream(),
  );
  if (done < size) throw new Error(`the connection ended after ${done} of ${size} bytes`);
}

/** The hub stores SHA-256 for large files, and git's SHA-1 blob id for small ones. */
function checksumOf({ lfs, oid }: PathInfo): string {
  return lfs?.oid ?? oid ?? '';
}

async function isSound(path: string, file: PathInfo): Promise<boolean> {
  const hash: Hash = createHash(file.lfs === undefined ? 'sha1' : 'sha256');
  if (file.lfs === undefined) hash.update(`blob ${file.size}\0`);
  await using opened = await openRegularFile(path);
  for await (const chunk of opened.createReadStream({ autoClose: false })) hash.update(chunk);
  return hash.digest('hex') === checksumOf(file);
}

/** Bytes that earlier commands downloaded. */
async function bytesPresent(directory: string): Promise<number> {
  const sizes = await Promise.all((await readdir(directory)).map((name) => sizeOf(join(directory, name))));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    (stats) => stats.size,
    () => 0,
  );
}

function hubOf({ hubUrl, accessToken }: DownloadOptions): { hubUrl?: string; accessToken?: string } {
  // The library's types do not allow `undefined` here.
  return { ...(hubUrl !== undefined && { hubUrl }), ...(accessToken !== undefined && { accessToken }) };
}

function explain(
  { repo, revision }: HubModel,
  { hubUrl, accessToken }: DownloadOptions,
  error: unknown,
): CheckpointError {
  if (error instanceof CheckpointError) return error;
  if (error instanceof HubApiError && refusals.includes(error.statusCode)) {
    const token = accessToken === undefined ? 'set HF_TOKEN if it is private' : 'check that HF_TOKEN may read it';
    return failed(
      `the hub has no model ${repo} at ${revision}, or it is private (status ${error.statusCode}); check the name and ${token}`,
      error,
    );
  }
  const base = `${hubUrl ?? 'https://huggingface.co'}/${repo}/resolve/${revision}`;
  return failed(
    `the hub could not be reached (${reason(error)}). Run the command again to resume. Or download ${base}/config.json, preprocessor_config.json and pytorch_model.bin (or model.safetensors) by hand into one folder and run igpt import with that folder`,
    error,
  );
}

function reason(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const code = errorCode(cause);
  if (code !== undefined) return code;
  return cause instanceof Error ? cause.message.slice(0, 100) : 'no answer';
}

function failed(message: string, cause?: unknown): CheckpointError {
  return new CheckpointError('download_failed', `${message[0]?.toUpperCase()}${message.slice(1)}.`, { cause });
}
