import { resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { decodingConcurrency, openDecoder } from '../../decode/decoder-pool.ts';
import { type FittedPalette, fitPalette } from '../../image-gpt/fit-palette.ts';
import { encodeNpy } from '../../image-gpt/npy.ts';
import { maxColors } from '../../image-gpt/quantizer.ts';
import { applyRecipe, type Recipe } from '../../image-gpt/recipe.ts';
import { checkOutputPath, writeOutputFile } from '../../local/output-file.ts';
import { UsageError } from '../../ports/error.ts';
import type { Resample } from '../../ports/model.ts';
import { cifar10TrainPictures, readOriginals } from '../../training/data/cifar10.ts';
import { fetchCifar10 } from '../../training/data/cifar10-files.ts';
import { cifar10Name } from '../../training/data/data-set.ts';
import { listPictures, readPicture } from '../../training/data/load-pictures.ts';
import { openPictureStore, openSheetDecoder } from '../../training/data/open-data-set.ts';
import { samplePixels } from '../../training/data/sample-pixels.ts';
import { examples, samplePictures } from '../invocation.ts';
import { cacheOption, dataSetObserver } from '../options/data-options.ts';
import { addDecodeOptions, type DecodeOptions, decodingSettings } from '../options/decode-option.ts';
import { integer } from '../options/number-option.ts';
import { progressBar } from '../terminal/progress-bar.ts';
import { writeOut } from '../terminal/standard-output.ts';
import { printable } from '../terminal/text.ts';
import { createSkippedFiles } from '../terminal/trouble.ts';

interface PaletteOptions extends DecodeOptions {
  out: string;
  colors: number;
  size: number;
  resample: Resample;
  samples: number;
  iterations: number;
  seed: number;
  pixels?: string;
  cache: string;
  force: boolean;
  json: boolean;
}

/** Pillow's filter numbers, by name. */
const filters: ReadonlyMap<string, Resample> = new Map([
  ['nearest', 0],
  ['lanczos', 1],
  ['bilinear', 2],
  ['bicubic', 3],
  ['box', 4],
  ['hamming', 5],
]);

const filterNames = [...filters.keys()].join(', ');

export function paletteCommand(): Command {
  const command = new Command('palette')
    .description(
      'palette fit DATA finds the colours of the tokens: k-means over pixels of pictures at input resolution, in [-1, 1] as in iGPT. It writes preprocessor_config.json for a model directory. The same pictures and seed give the same file.',
    )
    .addArgument(new Argument('<action>', 'what to do').choices(['fit']))
    .argument('<data>', `a directory of pictures, s3://bucket/prefix, or ${cifar10Name} (its training pictures)`)
    .requiredOption('--out <preprocessor_config.json>', 'where to write')
    .addOption(
      new Option('--colors <k>', 'number of colours')
        .default(512, '512, the paper’s')
        .argParser(integer({ min: 2, max: maxColors })),
    )
    .addOption(
      new Option('--size <s>', 'input resolution: s x s pixels').default(32).argParser(integer({ min: 1, max: 1024 })),
    )
    .addOption(
      new Option('--resample <filter>', `filter for resizing: ${filterNames}`)
        .default(2, 'bilinear')
        .argParser(filterNumber),
    )
    .addOption(
      new Option('--samples <n>', 'pixels to draw, a few per picture')
        .default(400_000)
        .argParser(integer({ min: 2, max: 100_000_000 })),
    )
    .addOption(new Option('--iterations <n>', 'most rounds of k-means').default(100).argParser(integer({ min: 1 })))
    .addOption(
      new Option('--seed <n>', 'seed of the drawn pixels and of k-means').default(0).argParser(integer({ min: 0 })),
    )
    .option('--pixels <x.npy>', 'also write the drawn pixels, uint8 [n, 3], to check against other implementations')
    .addOption(cacheOption(`directory of ${cifar10Name}`))
    .option('--force', 'replace files that exist', false)
    .option('--json', 'print the result as one JSON object', false);
  return addDecodeOptions(command)
    .addHelpText(
      'after',
      examples(
        `palette fit ${samplePictures()} --colors 64 --out preprocessor_config.json`,
        'palette fit cifar10 --size 16 --out preprocessor_config.json --seed 1',
      ),
    )
    .action((_: string, data: string, options: PaletteOptions) => fitToPictures(data, options));
}

function filterNumber(name: string): Resample {
  const found = filters.get(name);
  if (found === undefined) throw new InvalidArgumentError(`Allowed choices are ${filterNames}.`);
  return found;
}

async function fitToPictures(data: string, options: PaletteOptions): Promise<void> {
  const { out, pixels: pixelsOut, colors, size, resample, samples, iterations, seed, force, json } = options;
  checkOutputPath('--out', out, ['.json'], force);
  if (pixelsOut !== undefined) checkOutputPath('--pixels', pixelsOut, ['.npy'], force);
  if (samples < colors) {
    throw new UsageError(`--samples ${samples}: expected at least ${colors}, the number of --colors`);
  }
  const recipe: Recipe = { width: size, height: size, resample, crop: 'none' };
  const pixels = await drawPixels(data, recipe, options);
  if (pixelsOut !== undefined) {
    await writeOutputFile(pixelsOut, force, encodeNpy(pixels, [pixels.length / 3, 3]));
  }

  using bar = progressBar('rounds');
  const fitted = await fitPalette(pixels, {
    colors,
    seed,
    iterations,
    async onRound(round) {
      bar.update(round, iterations);
      // k-means blocks this thread: let the bar move and Ctrl-C arrive.
      await setImmediate();
    },
  });
  bar.stop();
  if (!fitted.converged) {
    process.stderr.write(
      `the colours still changed after ${fitted.rounds} rounds; a larger --iterations allows more\n`,
    );
  }
  await writeOutputFile(out, force, new TextEncoder().encode(preprocessorConfig(fitted.palette, recipe)));
  const count = pixels.length / 3;
  const facts = { ...fitted, count, rms: rmsError(fitted, count) };
  if (json) await writeOut(asJson(facts));
  process.stderr.write(
    `${printable(out)}: ${colors} colours of ${count} pixels at ${size}x${size}, RMS error ${facts.rms.toFixed(2)} of 255\n`,
  );
}

/** Pixels [n, 3] of the pictures at input resolution. */
async function drawPixels(data: string, recipe: Recipe, options: PaletteOptions): Promise<Uint8Array> {
  using bar = progressBar('pictures');
  const { samples, seed } = options;
  using skipped = createSkippedFiles();
  const observer = dataSetObserver(bar, skipped);
  const limits = decodingSettings(options);
  const drawing = { samples, seed, concurrency: decodingConcurrency(limits), onProgress: bar.update };
  if (data === cifar10Name) {
    const folder = await fetchCifar10(resolve(options.cache), observer);
    const { rgb, width, height } = await readOriginals(folder, () => openSheetDecoder(limits.size));
    const bytes = width * height * 3;
    return samplePixels({
      ...drawing,
      pictures: cifar10TrainPictures,
      read: async (i) => applyRecipe(rgb.subarray(i * bytes, (i + 1) * bytes), width, height, recipe),
    });
  }
  const { store, prefix, name } = await openPictureStore(data, observer, { argument: 'data' });
  const { objects } = await listPictures(store, prefix, name);
  await using decoder = openDecoder(recipe, limits);
  const reading = { store, decoder, maxBytes: limits.maxBytes };
  let unreadable = 0;
  const pixels = await samplePixels({
    ...drawing,
    pictures: objects.length,
    async read(i) {
      const object = objects[i];
      const picture = object === undefined ? 'not_found' : await readPicture(object, reading);
      if (typeof picture !== 'string') return picture;
      unreadable += 1;
      return undefined;
    },
  });
  process.stderr.write(skipped.report());
  if (unreadable > 0) bar.say(`${unreadable} files could not be read as pictures and were left out`);
  return pixels;
}

/** Root mean squared error of a channel, in levels of 255. */
function rmsError({ inertia }: FittedPalette, pixels: number): number {
  return Math.sqrt(inertia / (3 * pixels)) * 127.5;
}

function asJson(facts: FittedPalette & { count: number; rms: number }): string {
  const { palette, count, inertia, rms, rounds, converged } = facts;
  const words = { colors: palette.length / 3, pixels: count, inertia, rms_error_of_255: rms, rounds, converged };
  return `${JSON.stringify(words)}\n`;
}

/** The format that transformers' ImageGPTImageProcessor reads, as we do. */
function preprocessorConfig(palette: Float32Array, { width, height, resample }: Recipe): string {
  const clusters = Array.from({ length: palette.length / 3 }, (_, k) => Array.from(palette.subarray(3 * k, 3 * k + 3)));
  return `${JSON.stringify({
    image_processor_type: 'ImageGPTImageProcessor',
    do_resize: true,
    do_normalize: true,
    do_color_quantize: true,
    size: { height, width },
    resample,
    clusters,
  })}\n`;
}
