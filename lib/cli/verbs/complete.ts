import { Command, InvalidArgumentError, Option } from 'commander';
import { requirePreprocessing } from '../../checkpoint/preprocessor-file.ts';
import { openDecoder } from '../../decode/decoder-pool.ts';
import { writePng } from '../../decode/encode.ts';
import { keepRange, keptTokens } from '../../image-gpt/kept-tokens.ts';
import { encodeNpy } from '../../image-gpt/npy.ts';
import { completionGrid } from '../../image-gpt/picture-grid.ts';
import { createQuantizer } from '../../image-gpt/quantizer.ts';
import { openTokenRows } from '../../local/npy-file.ts';
import { checkOutputPath, writeOutputFile } from '../../local/output-file.ts';
import { onePicture } from '../../local/picture-files.ts';
import { ImageGptError, UsageError } from '../../ports/error.ts';
import type { Precision, Preprocessing } from '../../ports/model.ts';
import { figurePage } from '../../report/figure-page.ts';
import { complete } from '../../runtime/complete.ts';
import { inPrecision } from '../../runtime/precision.ts';
import { examples, invocation, samplePictures } from '../invocation.ts';
import { precisionOption, threadsOption } from '../options/compute-options.ts';
import { addDecodeOptions, type DecodeOptions, decodingSettings } from '../options/decode-option.ts';
import { modelOption, openNamedCheckpoint } from '../options/model-option.ts';
import { integer, number } from '../options/number-option.ts';
import { pictureArgument } from '../options/picture-argument.ts';
import { progressBar } from '../terminal/progress-bar.ts';
import { printable } from '../terminal/text.ts';

interface CompleteOptions extends DecodeOptions {
  model: string;
  tokens?: string;
  keep: number;
  samples: number;
  seed: number;
  temperature: number;
  topK?: number;
  topP: number;
  threads: number;
  precision: Precision;
  out: string;
  force: boolean;
}

export function completeCommand(): Command {
  const command = new Command('complete')
    .description(
      'Keeps the first tokens of a picture and lets the model paint the rest, several times. A .png shows a grid: original, kept part, samples; a .html is a page with the grid. A .npy holds the tokens, uint16 [N, samples, n], for N pictures (1 for a file).',
    )
    .addArgument(pictureArgument('[file]', 'a picture; or give --tokens'))
    .addOption(modelOption())
    .option('--tokens <x.npy>', 'tokens [N, n], any integer type, instead of a picture')
    .addOption(
      new Option('--keep <k>', 'how much to keep: a share of the tokens from 0 to 1, or a number of tokens from 2')
        .default(0.5)
        .argParser(number({ min: 0 })),
    )
    .addOption(
      new Option('-n, --samples <n>', 'completions of each picture')
        .default(8)
        .argParser(integer({ min: 1, max: 1024 })),
    )
    .addOption(
      new Option('--seed <s>', 'seed of the samples: the same seed gives the same samples')
        .default(0)
        .argParser(integer({ min: 0, max: 0xffff_ffff })),
    )
    .addOption(
      new Option('--temperature <t>', '0: always the likeliest token; 1: the model’s own probabilities')
        .default(1)
        .argParser(number({ min: 0 })),
    )
    .addOption(
      new Option('--top-k <k>', 'choose among the k likeliest tokens (default and 0: all)').argParser(
        integer({ min: 0 }),
      ),
    )
    .addOption(
      new Option('--top-p <p>', 'choose among the likeliest tokens that together have this probability')
        .default(1)
        .argParser(number({ min: 0, max: 1, aboveMin: true })),
    )
    .addOption(threadsOption())
    .addOption(precisionOption(['f32', 'int8-block', 'f16']))
    .addOption(
      new Option('--provider <p>', 'where the model runs: completions run on cpu only')
        .default('cpu')
        .argParser(cpuOnly),
    )
    .requiredOption('--out <grid.png|grid.html|y.npy>', 'where to write; the extension chooses the format')
    .option('--force', 'replace the file if it exists', false);
  return addDecodeOptions(command)
    .addHelpText(
      'after',
      examples(`complete ${samplePictures('animals/cat.jpg')} --keep 0.5 -n 8 --seed 1 --out grid.png`),
    )
    .action((file: string | undefined, options: CompleteOptions) => completePictures(file, options));
}

/** Other verbs accept more providers, so a clear error is better than `unknown option`. */
function cpuOnly(text: string): string {
  if (text !== 'cpu') throw new InvalidArgumentError('expected cpu, the only provider of completions');
  return text;
}

async function completePictures(file: string | undefined, options: CompleteOptions): Promise<void> {
  const { out, force, samples, temperature, topK, topP, seed, threads } = options;
  if ((file === undefined) === (options.tokens === undefined)) {
    const received = file === undefined ? 'neither' : 'both';
    throw new UsageError(
      `expected a picture or --tokens x.npy, received ${received}; see ${invocation()} complete --help`,
    );
  }
  const extension = checkOutputPath('--out', out, ['.png', '.npy', '.html'], force);
  const checkpoint = await openNamedCheckpoint(options.model);
  const { directory } = checkpoint;
  const { config, preprocessing, name } = checkpoint;
  const { n_positions: n, n_colors: colors } = config;
  if (config.objective === 'bert') {
    throw new UsageError(
      `expected an autoregressive model, received ${name}: a BERT model fills in masked tokens and cannot continue a picture`,
    );
  }
  const keep = keptTokens(options.keep, n);
  if (keep === undefined) throw new UsageError(`--keep ${options.keep}: expected ${keepRange(n)}`);
  if (topK !== undefined && topK > colors) {
    throw new UsageError(`--top-k ${topK}: expected 0 (all) to ${colors}, the colours of ${name}`);
  }
  if (file !== undefined || extension !== '.npy') {
    // Both need the palette: fail before minutes of work.
    requirePreprocessing(directory, preprocessing);
  }
  // [N, n]
  const tokens =
    file === undefined
      ? await allTokens(options.tokens ?? '', n, colors)
      : await pictureTokens(file, requirePreprocessing(directory, preprocessing), options);
  const pictures = tokens.length / n;

  using bar = progressBar('tokens');
  // [N, samples, n]
  const precise = await inPrecision(checkpoint, options.precision);
  const completed = await complete(precise.checkpoint, tokens, {
    keep,
    samples,
    seed,
    temperature,
    topP,
    threads,
    topK,
    onProgress: (sampled, total) => bar.update(sampled, total),
  });
  bar.stop();

  if (extension === '.npy') {
    await writeOutputFile(out, force, encodeNpy(completed, [pictures, samples, n]));
    process.stderr.write(
      `${printable(out)}: uint16 [${pictures}, ${samples}, ${n}], the first ${keep} of ${n} tokens kept\n`,
    );
  } else {
    const grid = completionGrid(tokens, completed, {
      keep,
      samples,
      preprocessing: requirePreprocessing(directory, preprocessing),
    });
    const png = await writePng(grid.rgb, grid.width, grid.height);
    await writeOutputFile(out, force, extension === '.png' ? png : await gridPage(png, name, keep, options));
    process.stderr.write(
      `${printable(out)}: original, the first ${keep} of ${n} tokens, ${samples} completions; one row per picture\n`,
    );
  }
}

/** The grid as a page, with the settings that give the same samples again. */
async function gridPage(png: Uint8Array, model: string, keep: number, options: CompleteOptions): Promise<Uint8Array> {
  const { samples, seed, temperature, topK, topP, precision } = options;
  const page = await figurePage({
    kind: 'Image GPT completions',
    title: `Completions by ${model}`,
    facts: [
      ['from left to right', `original, the first ${keep} tokens, ${samples} completions; one row per picture`],
      ['seed', String(seed)],
      ['temperature', String(temperature)],
      ...(topK === undefined || topK === 0 ? [] : [['top k', String(topK)] as const]),
      ...(topP === 1 ? [] : [['top p', String(topP)] as const]),
      ['precision', precision],
    ],
    figure: { type: 'image/png', bytes: png, alt: `Original, its kept part, and ${samples} completions` },
  });
  return new TextEncoder().encode(page);
}

/** Reads all rows [N, n] of an npy file at once: the completions need more memory than they do. */
async function allTokens(path: string, n: number, colors: number): Promise<Uint16Array> {
  await using file = await openTokenRows(path, { columns: n, below: colors, what: 'token' });
  if (file.rows === 0) {
    throw new ImageGptError('no_pictures', `${path}: expected at least one row of tokens, received none`);
  }
  return file.read(0, file.rows);
}

/** [1, n] */
async function pictureTokens(file: string, recipe: Preprocessing, options: CompleteOptions): Promise<Uint16Array> {
  const decoding = { ...decodingSettings(options), size: 1 };
  await using decoder = openDecoder(recipe, decoding);
  const quantize = createQuantizer(recipe.palette);
  const limits = { maxBytes: decoding.maxBytes };
  return await onePicture(file, limits, async (bytes) => quantize((await decoder.decode(bytes)).rgb));
}
