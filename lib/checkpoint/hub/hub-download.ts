import { createHash } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { makeDirectory } from '../../files/make-directory.ts';
import { replaceFile } from '../../files/place-file.ts';
import { openRegularFile } from '../../files/regular-file.ts';
import { systemSaid } from '../../local/error.ts';
import { errorCode } from '../../ports/error.ts';
import { CheckpointError } from '../error.ts';
import { refuseFullDisk } from '../import/new-directory.ts';
import { readShardIndex } from '../safetensors/shard-index.ts';
import { getFile, type HubAccess, HubStatusError, hubAddress, leastProgress } from './hub-client.ts';
import { type HubFile, listFiles } from './hub-listing.ts';
import { type HubModel, sideFiles, weightFiles } from './hub-model.ts';

export interface DownloadOptions extends HubAccess {
  /** Where the files are written. An interrupted download in it is resumed. */
  directory: string;
  /** Called with the bytes downloaded so far, and in total. */
  progress?: ((done: number, total: number) => void) | undefined;
  /** Pause before a broken download is resumed (milliseconds; default 2000). */
  pauseMs?: number | undefined;
}

/** Status codes for a missing or private model. Other failures may be temporary. */
const refusals = [401, 403, 404];

/** A download fails after this many attempts in a row that bring less than 64 KiB. */
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
    throw failed(`The download cannot be stored in ${directory}: the system said ${systemSaid(cause)}`, cause);
  });
  const files = [...listed.filter(({ path }) => sideFiles.includes(path)), weights];
  if (weights.path.endsWith('.index.json')) {
    await fetchFile(model, weights, options, () => {});
    const shards = (await readShardIndex(join(directory, weights.path))) ?? [];
    const found = await list(model, shards, options);
    const missing = shards.find((shard) => found.every(({ path }) => path !== shard));
    if (missing !== undefined)
      throw failed(`${weights.path} of ${model.repo} lists ${missing}, which the hub does not have`);
    files.push(...found);
  }
  const total = files.reduce((sum, { size }) => sum + size, 0);
  await refuseFullDisk(directory, total - (await bytesPresent(directory)));
  let before = 0;
  for (const file of files) {
    await fetchFile(model, file, options, (done) => progress(before + done, total));
    before += file.size;
  }
}

async function list(model: HubModel, paths: readonly string[], options: DownloadOptions): Promise<HubFile[]> {
  try {
    return await listFiles(model, paths, options);
  } catch (error) {
    throw explain(model, options, error);
  }
}

/** Downloads one file, unless it is already complete. */
async function fetchFile(
  model: HubModel,
  file: HubFile,
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
  const part = `${path}.${file.checksum.hex.slice(0, 12)}.part`;
  for (let attempt = 1, best = 0; ; attempt++) {
    try {
      await continueDownload(model, file, part, options, progress);
      break;
    } catch (error) {
      const there = await sizeOf(part);
      if (there >= best + leastProgress) attempt = 1;
      best = there;
      const isFinal = error instanceof CheckpointError || isRefusal(error) || attempt >= maxAttempts;
      if (isFinal) throw explain(model, options, error);
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
  { path, size }: HubFile,
  part: string,
  options: DownloadOptions,
  progress: (done: number) => void,
): Promise<void> {
  const there = await sizeOf(part);
  if (there === size && there > 0) return;
  const address = `${repo}/resolve/${encodeURIComponent(revision)}/${encodeURIComponent(path)}`;
  await using file = await openRegularFile(part, 'append');
  await getFile(address, there < size ? there : 0, options, async ({ start, chunks }) => {
    await file.truncate(start);
    let done = start;
    for await (const chunk of chunks) {
      if (done + chunk.length > size) {
        throw failed(`The hub sent more than the ${size} bytes it announced for ${path}; run the command again`);
      }
      // Written before the next chunk is read: a broken connection loses no byte that arrived.
      await file.appendFile(chunk);
      done += chunk.length;
      progress(done);
    }
    if (done < size) throw new Error(`the connection ended after ${done} of ${size} bytes`);
  });
}

async function isSound(path: string, { size, checksum: { algorithm, hex } }: HubFile): Promise<boolean> {
  const hash = createHash(algorithm);
  if (algorithm === 'sha1') hash.update(`blob ${size}\0`);
  await using opened = await openRegularFile(path);
  for await (const chunk of opened.createReadStream({ autoClose: false })) hash.update(chunk);
  return hash.digest('hex') === hex;
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

function isRefusal(error: unknown): error is HubStatusError {
  return error instanceof HubStatusError && refusals.includes(error.status);
}

function explain({ repo, revision }: HubModel, access: DownloadOptions, error: unknown): CheckpointError {
  if (error instanceof CheckpointError) return error;
  if (isRefusal(error)) {
    const token =
      access.accessToken === undefined ? 'set HF_TOKEN if it is private' : 'check that HF_TOKEN may read it';
    return failed(
      `The hub has no model ${repo} at ${revision}, or it is private (status ${error.status}); check the name and ${token}`,
      error,
    );
  }
  const base = hubAddress(access, `${repo}/resolve/${revision}`);
  return failed(
    `The hub could not be reached, or did not answer as expected (${reason(error)}). Run the command again to resume. Or download ${base}/config.json, preprocessor_config.json and pytorch_model.bin (or model.safetensors) by hand into one folder and run igpt import with that folder`,
    error,
  );
}

function reason(error: unknown): string {
  // fetch hides what happened behind a TypeError of two words.
  const cause = error instanceof TypeError ? (error.cause ?? error) : error;
  const code = errorCode(cause);
  if (code !== undefined) return code;
  return cause instanceof Error ? cause.message.slice(0, 100) : 'no answer';
}

function failed(message: string, cause?: unknown): CheckpointError {
  return new CheckpointError('download_failed', `${message}.`, { cause });
}
