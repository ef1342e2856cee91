import { readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { preprocessingHash } from '../../checkpoint/preprocessing-hash.ts';
import { requirePreprocessing } from '../../checkpoint/preprocessor-file.ts';
import { folderPrefix, parseS3Location } from '../../contracts/s3-location.ts';
import { type Decoder, type DecodingSettings, decodingConcurrency, openDecoder } from '../../decode/decoder-pool.ts';
import { kindOf } from '../../files/regular-file.ts';
import type { ImageGptConfig } from '../../image-gpt/config.ts';
import { createQuantizer } from '../../image-gpt/quantizer.ts';
import { openInputDirectory, type SkippedFile } from '../../local/input-directory.ts';
import { openTokenRows, readNpyLabels } from '../../local/npy-file.ts';
import { statPath } from '../../local/stat-path.ts';
import { systemClock } from '../../local/system-clock.ts';
import { UsageError } from '../../ports/error.ts';
import type { Preprocessing } from '../../ports/model.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { cifar10DataSet, cifar10Sheet } from './cifar10.ts';
import { fetchCifar10 } from './cifar10-files.ts';
import { isClutter } from './clutter.ts';
import { cifar10Name, type DataSet, tokenDataSet } from './data-set.ts';
import { foldersAreClassesFlag } from './divide-folders.ts';
import { type LabelOptions, labelKeys } from './folder-labels.ts';
import { listPictures, loadPictures } from './load-pictures.ts';
import { cachedTokenSet, tokenSetKey } from './token-cache.ts';

/** A sheet of 10,000 pictures decodes in a second or two on an idle machine. */
const sheetTimeoutMs = 120_000;

/** The parts of a checkpoint that turn pictures into tokens. */
interface Tokenizer {
  directory: string;
  config: Pick<ImageGptConfig, 'n_positions' | 'n_colors'>;
  preprocessing?: Preprocessing | undefined;
}

export interface DataSetSource {
  /** `cifar10`, a directory, `s3://bucket/prefix` or `x.npy`. */
  data: string;
  /** `y.npy` with the labels of `x.npy`. */
  labels?: string | undefined;
  /** Take every first folder as a class, also one that is named as a part (default: false). */
  foldersAreClasses?: boolean | undefined;
  /** Directory of the cached token sets. */
  cache: string;
  limits: DecodingSettings;
}

/** Receives progress and notices while a data set opens. */
export interface DataSetObserver {
  onProgress(done: number, total: number): void;
  /** A file of a directory is left out. */
  onSkipped(file: SkippedFile): void;
  /** CIFAR-10 is about to be downloaded. */
  onFetch(): void;
}

/**
 * Opens a data set as tokens of `model`.
 *
 * @throws UsageError for a source that does not exist or does not fit its options
 * @throws DataSetError for a source without pictures; what reading the source throws
 */
export async function openDataSet(
  source: DataSetSource,
  model: Tokenizer,
  observer: DataSetObserver,
): Promise<DataSet> {
  const { data, labels, foldersAreClasses = false } = source;
  const npy = data.toLowerCase().endsWith('.npy');
  if (foldersAreClasses && (npy || data === cifar10Name)) {
    throw new UsageError(
      `${foldersAreClassesFlag} goes with folders of pictures, received --data ${data}: leave it out`,
    );
  }
  if (labels !== undefined && !npy) {
    throw new UsageError(
      `--labels goes with tokens (--data x.npy), received --data ${data}, whose folders are its labels: leave --labels out`,
    );
  }
  return npy ? openTokens(source, model) : openPictures(source, model, observer);
}

async function openTokens({ data, labels }: DataSetSource, { config }: Tokenizer): Promise<DataSet> {
  const { n_positions: n, n_colors: colors } = config;
  await using rows = await openTokenRows(data, { columns: n, below: colors, what: 'token' });
  const tokens = await rows.read(0, rows.rows);
  return tokenDataSet(basename(data), tokens, n, labels === undefined ? undefined : await readNpyLabels(labels));
}

async function openPictures(source: DataSetSource, model: Tokenizer, observer: DataSetObserver): Promise<DataSet> {
  const { data, limits, foldersAreClasses } = source;
  const { onProgress } = observer;
  const preprocessing = requirePreprocessing(model.directory, model.preprocessing);
  const cache = resolve(source.cache);
  if (data === cifar10Name) {
    const folder = await fetchCifar10(cache, observer);
    return cifar10DataSet({
      folder,
      openDecoder: () => openSheetDecoder(limits.size),
      preprocessing,
      cache,
      onProgress,
    });
  }
  const { store, prefix, name, emptyFolders } = await openPictureStore(data, observer, {
    argument: '--data',
    alternatives: ' or tokens x.npy',
  });
  const listing = await listPictures(store, prefix, name);
  const named = listing.objects.map(({ key }) => key.slice(prefix.length)).filter(isNamedAsPicture);
  const key = tokenSetKey([
    preprocessingHash(preprocessing, limits.scaledDecoding),
    JSON.stringify([limits.allowSvg, limits.maxPixels / 1e6, limits.maxBytes / 1e6]),
    listing.identity,
  ]);
  const dataSet = await cachedTokenSet(cache, key, async () => {
    // Before hours of decoding, refuse what would be refused after them.
    labelKeys(named, name, { foldersAreClasses });
    await using decoder = openDecoder(preprocessing, limits);
    return await loadPictures(listing, {
      store,
      decoder,
      quantize: createQuantizer(preprocessing.palette),
      tokensPerPicture: preprocessing.width * preprocessing.height,
      maxBytes: limits.maxBytes,
      concurrency: decodingConcurrency(limits),
      onProgress,
    });
  });
  return labelledByFolder({ ...dataSet, name }, named, {
    foldersAreClasses,
    emptyFolders: [...emptyFolders, ...listing.emptyFolders],
  });
}

/** A usual name of a picture. Pictures may have other names: only their content tells. */
function isNamedAsPicture(key: string): boolean {
  return /\.(jpe?g|jpe|jfif|png|webp|gif|tiff?|avif|svg)$/i.test(key);
}

/** The data set with the labels and parts of its folders, without the pictures beside its parts. */
function labelledByFolder(dataSet: DataSet, named: readonly string[], options: LabelOptions): DataSet {
  const { keys = [], name, tokens, tokensPerPicture: n } = dataSet;
  const read = new Set(keys);
  const unreadable = named.filter((key) => !read.has(key));
  const { rows, ...labelled } = labelKeys(keys, name, { ...options, unreadable });
  // Move the tokens up over those of the pictures that are left out.
  rows.forEach((row, i) => {
    if (row !== i) tokens.copyWithin(i * n, row * n, (row + 1) * n);
  });
  return {
    ...dataSet,
    ...labelled,
    size: rows.length,
    tokens: tokens.subarray(0, rows.length * n),
    keys: rows.map((row) => keys[row] ?? ''),
  };
}

/** Decodes the sheets of CIFAR-10: 10 megapixels each, so the limits on users' pictures do not apply. */
export function openSheetDecoder(size: number): Decoder {
  return openDecoder(cifar10Sheet, { size, timeoutMs: sheetTimeoutMs });
}

/** Where pictures come from. */
interface PictureStore {
  store: ObjectStore;
  prefix: string;
  name: string;
  /** Folders of a directory without any file, `cat` or `train/cat`. */
  emptyFolders: string[];
}

/**
 * Opens a directory or `s3://bucket/prefix`.
 *
 * @param words for the error: the argument that holds `data`, and the other sources that it accepts
 * @throws UsageError when neither exists
 */
export async function openPictureStore(
  data: string,
  { onSkipped }: Pick<DataSetObserver, 'onSkipped'>,
  { argument, alternatives = '' }: { argument: string; alternatives?: string },
): Promise<PictureStore> {
  const location = parseS3Location(data);
  if (location !== undefined) {
    // The SDK takes a while to load, and most commands don't need it.
    const [{ createS3Client }, { createS3Store }] = await Promise.all([
      import('../../aws/clients.ts'),
      import('../../aws/s3-store.ts'),
    ]);
    const store = createS3Store({ client: createS3Client(), bucket: location.bucket, clock: systemClock });
    return { store, prefix: folderPrefix(location.path), name: data, emptyFolders: [] };
  }
  const found = statPath(data, argument);
  if (found?.isDirectory() !== true) {
    const received = found === undefined ? 'there is nothing of that name' : `it is ${kindOf(found)}`;
    throw new UsageError(
      `${argument} ${data}: expected ${cifar10Name}, a directory of pictures, s3://bucket/prefix${alternatives}, but ${received}`,
    );
  }
  const store = await openInputDirectory(data, { onSkipped });
  return { store, prefix: '', name: basename(resolve(data)), emptyFolders: await emptyFoldersOf(data) };
}

/** Folders of the first two levels that hold nothing at all. */
async function emptyFoldersOf(root: string, depth = 0): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch(() => []);
  const folders = entries.filter((entry) => entry.isDirectory() && !isClutter(entry.name));
  const found = await Promise.all(
    folders.map(async ({ name }) => {
      const path = join(root, name);
      if ((await readdir(path).catch(() => [''])).length === 0) return [name];
      return depth > 0 ? [] : (await emptyFoldersOf(path, depth + 1)).map((below) => `${name}/${below}`);
    }),
  );
  return found.flat();
}
