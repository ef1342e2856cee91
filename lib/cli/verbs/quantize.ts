import { Command } from 'commander';
import { openTokenizerFiles } from '../../checkpoint/checkpoint.ts';
import { requirePreprocessing } from '../../checkpoint/preprocessor-file.ts';
import { decodingConcurrency, openDecoder } from '../../decode/decoder-pool.ts';
import { writePng } from '../../decode/encode.ts';
import { encodeNpyHeader, littleEndianBytes } from '../../image-gpt/npy.ts';
import { gridScale, pictureGrid, type RgbPicture } from '../../image-gpt/picture-grid.ts';
import { createQuantizer } from '../../image-gpt/quantizer.ts';
import { tokensToRgb } from '../../image-gpt/token-colors.ts';
import { checkOutputPath, openOutputFile, writeOutputFile } from '../../local/output-file.ts';
import { eachPicture } from '../../local/picture-files.ts';
import { examples, samplePictures } from '../invocation.ts';
import { addDecodeOptions, type DecodeOptions, decodingSettings } from '../options/decode-option.ts';
import { modelDirectory, modelOption } from '../options/model-option.ts';
import { pictureArgument } from '../options/picture-argument.ts';
import { progressBar } from '../terminal/progress-bar.ts';
import { writeOut } from '../terminal/standard-output.ts';
import { type Cell, table } from '../terminal/table.ts';
import { printable } from '../terminal/text.ts';
import { reportFailedFile } from '../terminal/trouble.ts';

interface QuantizeOptions extends DecodeOptions {
  model: string;
  out?: string;
  preview?: string;
  force: boolean;
  json: boolean;
}

export function quantizeCommand(): Command {
  const command = new Command('quantize')
    .description(
      'Turns each picture into the colour tokens that the model reads: uint16 [N, n], row i for the i-th file, in raster order. Without --out, --preview or --json it prints a table.',
    )
    .addArgument(pictureArgument('<file...>', 'pictures'))
    .addOption(modelOption())
    .option('--out <x.npy>', 'write the tokens to this file')
    .option('--preview <x.png>', 'write a picture of what the model sees')
    .option('--force', 'replace files that exist', false)
    .option('--json', 'print the tokens, one JSON object per line', false);
  return addDecodeOptions(command)
    .addHelpText(
      'after',
      examples(
        `quantize ${samplePictures()}/animals/*`,
        `quantize ${samplePictures()}/animals/* --out tokens.npy --preview seen.png`,
      ),
    )
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 a file could not be read as a picture (then nothing is written), 2 wrong command line.',
    )
    .action((files: string[], options: QuantizeOptions) => quantize(files, options));
}

async function quantize(files: string[], options: QuantizeOptions): Promise<void> {
  const { out, preview, force, json } = options;
  if (out !== undefined) {
    checkOutputPath('--out', out, ['.npy'], force);
  }
  if (preview !== undefined) {
    checkOutputPath('--preview', preview, ['.png'], force);
  }
  const directory = modelDirectory(options.model);
  const { preprocessing } = await openTokenizerFiles(directory);
  const recipe = requirePreprocessing(directory, preprocessing);
  const { width, height, palette } = recipe;
  const tokensOf = createQuantizer(palette);
  const decoding = decodingSettings(options);
  await using decoder = openDecoder(recipe, decoding);
  await using npy = out === undefined ? undefined : await openOutputFile(out, force);
  using bar = progressBar('pictures');
  await npy?.write(encodeNpyHeader('u2', [files.length, width * height]));

  const rows: Cell[][] = [];
  const tiles: RgbPicture[] = [];
  let done = 0;
  let failed = 0;
  const pictures = eachPicture(
    files,
    { maxBytes: decoding.maxBytes, concurrency: decodingConcurrency(decoding) },
    async (bytes) => {
      const picture = await decoder.decode(bytes);
      return { picture, tokens: tokensOf(picture.rgb) };
    },
  );
  for await (const result of pictures) {
    done += 1;
    bar.update(done, files.length);
    const { file } = result;
    if (result.status === 'failed') {
      failed += 1;
      rows.push([...(await reportFailedFile(result, { bar, json })), '', '']);
      continue;
    }
    const { picture, tokens } = result.value;
    await npy?.write(littleEndianBytes(tokens));
    if (preview !== undefined) {
      tiles.push({ rgb: tokensToRgb(tokens, palette), width, height });
    }
    if (json) {
      const image = { format: picture.format, width: picture.width, height: picture.height };
      await bar.hideWhile(() =>
        writeOut(`${JSON.stringify({ file, status: 'succeeded', image, tokens: Array.from(tokens) })}\n`),
      );
    }
    rows.push([file, picture.format, `${picture.width}x${picture.height}`, String(new Set(tokens).size)]);
  }
  bar.stop();

  if (out === undefined && preview === undefined && !json) {
    await writeOut(
      table(
        [
          { title: 'file' },
          { title: 'format' },
          { title: 'size' },
          { title: `colours of ${palette.length / 3}`, align: 'right' },
        ],
        rows,
      ),
    );
  }
  if (failed > 0) {
    process.exitCode = 1;
    if (out !== undefined || preview !== undefined) {
      process.stderr.write(
        `igpt: ${failed} of ${files.length} files failed, so nothing was written, because row i must be file i; leave those files out and try again\n`,
      );
    }
    return;
  }
  if (npy !== undefined) {
    await npy.commit();
    process.stderr.write(`${printable(out ?? '')}: uint16 [${files.length}, ${width * height}]\n`);
  }
  if (preview !== undefined) {
    const columns = Math.ceil(Math.sqrt(tiles.length));
    const grid = pictureGrid(inRows(tiles, columns), gridScale(width, columns));
    await writeOutputFile(preview, force, await writePng(grid.rgb, grid.width, grid.height));
    process.stderr.write(
      `${printable(preview)}: what the model sees, ${width}x${height} each, row by row in the order of the files\n`,
    );
  }
}

function inRows<T>(items: readonly T[], columns: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / columns) }, (_, row) =>
    items.slice(row * columns, (row + 1) * columns),
  );
}
