import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { preprocessingHash } from '../../checkpoint/preprocessing-hash.ts';
import { createQuantizer } from '../../image-gpt/quantizer.ts';
import { applyRecipe, type Recipe } from '../../image-gpt/recipe.ts';
import type { Preprocessing } from '../../ports/model.ts';
import type { PictureDecoder } from '../../ports/picture-decoder.ts';
import { DataSetError } from '../error.ts';
import { type DataSet, type Originals, PARTS } from './data-set.ts';
import { cachedTokenSet, tokenSetKey } from './token-cache.ts';

/** In the order of CIFAR-10's labels. */
const CIFAR10_CLASSES = [
  'airplane',
  'automobile',
  'bird',
  'cat',
  'deer',
  'dog',
  'frog',
  'horse',
  'ship',
  'truck',
] as const;

/** Side of a picture, pixels. */
const SIDE = 32;
const PICTURE_BYTES = SIDE * SIDE * 3;

/** A sheet has one picture in each row, in raster order. */
const SHEET_PICTURES = 10_000;
const TRAIN_SHEETS = ['data_batch_1', 'data_batch_2', 'data_batch_3', 'data_batch_4', 'data_batch_5'];
const TEST_SHEETS = ['test_batch'];
export const CIFAR10_TRAIN_PICTURES = TRAIN_SHEETS.length * SHEET_PICTURES;
const PICTURES = CIFAR10_TRAIN_PICTURES + TEST_SHEETS.length * SHEET_PICTURES;

/** Reads a sheet as it is: nothing is resized or cropped. */
export const CIFAR10_SHEET: Recipe = { width: SIDE * SIDE, height: SHEET_PICTURES, resample: 0, crop: 'none' };

/** Pictures turned into tokens before signals and the progress bar get their turn. */
const BETWEEN_TURNS = 500;

interface Cifar10Options {
  /** Folder with the package's files. */
  folder: string;
  /** Opens sheets by {@link CIFAR10_SHEET}; closed when it is no longer needed. */
  openDecoder: () => PictureDecoder & AsyncDisposable;
  preprocessing: Preprocessing;
  cache: string;
  onProgress?: (done: number, total: number) => void;
}

/**
 * CIFAR-10's 50,000 training and 10,000 test pictures, in this order. Their 32x32 originals can be asked for.
 *
 * @throws DataSetError `data_set_damaged`
 */
export async function cifar10DataSet(options: Cifar10Options): Promise<DataSet> {
  const { folder, openDecoder, preprocessing, cache, onProgress } = options;
  let read: Promise<Originals> | undefined;
  const originals = (): Promise<Originals> => {
    read ??= readOriginals(folder, openDecoder);
    return read;
  };
  const key = tokenSetKey(['cifar10', preprocessingHash(preprocessing)]);
  const cached = await cachedTokenSet(cache, key, async () => ({
    name: 'cifar10',
    size: PICTURES,
    tokensPerPicture: preprocessing.width * preprocessing.height,
    tokens: await tokensOf(await originals(), preprocessing, onProgress),
    labels: await readLabels(folder),
    classes: CIFAR10_CLASSES,
    parts: Uint8Array.from({ length: PICTURES }, (_, i) =>
      PARTS.indexOf(i < CIFAR10_TRAIN_PICTURES ? 'train' : 'test'),
    ),
    skipped: {},
  }));
  return { ...cached, originals };
}

/** The pictures themselves, training ones first. */
export async function readOriginals(
  folder: string,
  openDecoder: () => PictureDecoder & AsyncDisposable,
): Promise<Originals> {
  await using decoder = openDecoder();
  const rgb = new Uint8Array(PICTURES * PICTURE_BYTES);
  await Promise.all(
    [...TRAIN_SHEETS, ...TEST_SHEETS].map(async (sheet, i) => {
      const file = join(folder, `${sheet}.png`);
      const picture = await readFile(file)
        .then((bytes) => decoder.decode(bytes))
        .catch((cause: unknown) => {
          throw damaged(file, cause);
        });
      if (picture.width !== CIFAR10_SHEET.width || picture.height !== CIFAR10_SHEET.height) throw damaged(file);
      rgb.set(picture.rgb, i * SHEET_PICTURES * PICTURE_BYTES);
    }),
  );
  return { rgb, width: SIDE, height: SIDE };
}

async function tokensOf(
  { rgb }: Originals,
  preprocessing: Preprocessing,
  onProgress: Cifar10Options['onProgress'],
): Promise<Uint16Array> {
  const n = preprocessing.width * preprocessing.height;
  const quantize = createQuantizer(preprocessing.palette);
  const tokens = new Uint16Array(PICTURES * n);
  for (let i = 0; i < PICTURES; i++) {
    const picture = rgb.subarray(i * PICTURE_BYTES, (i + 1) * PICTURE_BYTES);
    tokens.set(quantize(applyRecipe(picture, SIDE, SIDE, preprocessing)), i * n);
    if (i % BETWEEN_TURNS === 0) {
      onProgress?.(i, PICTURES);
      await setImmediate();
    }
  }
  return tokens;
}

/** The package spells it so. */
const LABEL_FILES = ['train_lables.json', 'test_lables.json'];

async function readLabels(folder: string): Promise<Int32Array> {
  const schema = z.array(
    z
      .int()
      .min(0)
      .max(CIFAR10_CLASSES.length - 1),
  );
  const labels: number[] = [];
  for (const name of LABEL_FILES) {
    const file = join(folder, name);
    try {
      labels.push(...schema.parse(JSON.parse(await readFile(file, 'utf8'))));
    } catch (cause) {
      throw damaged(file, cause);
    }
  }
  if (labels.length !== PICTURES) throw damaged(join(folder, LABEL_FILES[0] ?? ''));
  return Int32Array.from(labels);
}

function damaged(file: string, cause?: unknown): DataSetError {
  return new DataSetError('data_set_damaged', `${file} is not CIFAR-10's; remove its folder, and it is fetched again`, {
    cause,
  });
}
