import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { preprocessingHash } from '../../checkpoint/preprocessing-hash.ts';
import { readRegularFile, readTextFile } from '../../files/regular-file.ts';
import { createQuantizer } from '../../image-gpt/quantizer.ts';
import { applyRecipe, type Recipe } from '../../image-gpt/recipe.ts';
import type { Preprocessing } from '../../ports/model.ts';
import type { PictureDecoder } from '../../ports/picture-decoder.ts';
import { DataSetError } from '../error.ts';
import { type DataSet, type Originals, partNames } from './data-set.ts';
import { cachedTokenSet, tokenSetKey } from './token-cache.ts';

/** Class names in the order of CIFAR-10's labels. */
const cifar10Classes = [
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

/** Side of a picture (pixels). */
const side = 32;
const pictureBytes = side * side * 3;

/** Each row of a sheet is one picture in raster order. */
const sheetPictures = 10_000;
const trainSheets = ['data_batch_1', 'data_batch_2', 'data_batch_3', 'data_batch_4', 'data_batch_5'];
const testSheets = ['test_batch'];
export const cifar10TrainPictures = trainSheets.length * sheetPictures;
const totalPictures = cifar10TrainPictures + testSheets.length * sheetPictures;

/** Decodes a sheet without resizing or cropping it. */
export const cifar10Sheet: Recipe = { width: side * side, height: sheetPictures, resample: 0, crop: 'none' };

/** Pictures between two turns of the event loop, for signals and the progress bar. */
const picturesPerTurn = 500;

interface Cifar10Options {
  /** Folder with the package's files. */
  folder: string;
  /** Opens a decoder for {@link cifar10Sheet}; it is closed after use. */
  openDecoder: () => PictureDecoder & AsyncDisposable;
  preprocessing: Preprocessing;
  cache: string;
  onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * CIFAR-10's 50,000 training pictures, then its 10,000 test pictures, with their 32x32 originals.
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
    size: totalPictures,
    tokensPerPicture: preprocessing.width * preprocessing.height,
    tokens: await tokensOf(await originals(), preprocessing, onProgress),
    labels: await readLabels(folder),
    classes: cifar10Classes,
    parts: Uint8Array.from({ length: totalPictures }, (_, i) =>
      partNames.indexOf(i < cifar10TrainPictures ? 'train' : 'test'),
    ),
    skipped: {},
  }));
  return { ...cached, originals };
}

/** Original pictures, training pictures first. */
export async function readOriginals(
  folder: string,
  openDecoder: () => PictureDecoder & AsyncDisposable,
): Promise<Originals> {
  await using decoder = openDecoder();
  const rgb = new Uint8Array(totalPictures * pictureBytes);
  await Promise.all(
    [...trainSheets, ...testSheets].map(async (sheet, i) => {
      const file = join(folder, `${sheet}.png`);
      const picture = await readRegularFile(file)
        .then((bytes) => decoder.decode(bytes))
        .catch((cause: unknown) => {
          throw damaged(file, cause);
        });
      if (picture.width !== cifar10Sheet.width || picture.height !== cifar10Sheet.height) throw damaged(file);
      rgb.set(picture.rgb, i * sheetPictures * pictureBytes);
    }),
  );
  return { rgb, width: side, height: side };
}

async function tokensOf(
  { rgb }: Originals,
  preprocessing: Preprocessing,
  onProgress: Cifar10Options['onProgress'],
): Promise<Uint16Array> {
  const n = preprocessing.width * preprocessing.height;
  const quantize = createQuantizer(preprocessing.palette);
  const tokens = new Uint16Array(totalPictures * n);
  for (let i = 0; i < totalPictures; i++) {
    const picture = rgb.subarray(i * pictureBytes, (i + 1) * pictureBytes);
    tokens.set(quantize(applyRecipe(picture, side, side, preprocessing)), i * n);
    if (i % picturesPerTurn === 0) {
      onProgress?.(i, totalPictures);
      await setImmediate();
    }
  }
  return tokens;
}

/** The package misspells `labels`. */
const labelFiles = ['train_lables.json', 'test_lables.json'];

async function readLabels(folder: string): Promise<Int32Array> {
  const schema = z.array(
    z
      .int()
      .min(0)
      .max(cifar10Classes.length - 1),
  );
  const labels: number[] = [];
  for (const name of labelFiles) {
    const file = join(folder, name);
    try {
      labels.push(...schema.parse(JSON.parse(await readTextFile(file))));
    } catch (cause) {
      throw damaged(file, cause);
    }
  }
  if (labels.length !== totalPictures) throw damaged(join(folder, labelFiles[0] ?? ''));
  return Int32Array.from(labels);
}

function damaged(file: string, cause?: unknown): DataSetError {
  return new DataSetError(
    'data_set_damaged',
    `${file} is not a file of CIFAR-10; remove its folder, and igpt fetches it again`,
    {
      cause,
    },
  );
}
