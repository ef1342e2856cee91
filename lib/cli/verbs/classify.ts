import { Command, Option } from 'commander';
import { withInput } from '../../checkpoint/class-input.ts';
import { decodingConcurrency, openDecoder } from '../../decode/decoder-pool.ts';
import { createQuantizer } from '../../image-gpt/quantizer.ts';
import { eachPicture } from '../../local/picture-files.ts';
import { labelledClasses } from '../../pipeline/prediction-outcome.ts';
import type { ClassInput, Precision, Provider } from '../../ports/model.ts';
import { openModel } from '../../runtime/model.ts';
import { examples, samplePictures } from '../invocation.ts';
import { precisionOption, providerOption, sayDevice, workersOption } from '../options/compute-options.ts';
import { addDecodeOptions, type DecodeOptions, decodingSettings } from '../options/decode-option.ts';
import { inputOption } from '../options/input-option.ts';
import { modelOption, openNamedCheckpoint } from '../options/model-option.ts';
import { integer } from '../options/number-option.ts';
import { pictureArgument } from '../options/picture-argument.ts';
import { progressBar } from '../terminal/progress-bar.ts';
import { writeOut } from '../terminal/standard-output.ts';
import { type Cell, table } from '../terminal/table.ts';
import { percent } from '../terminal/text.ts';
import { reportFailedFile } from '../terminal/trouble.ts';

interface ClassifyOptions extends DecodeOptions {
  model: string;
  top: number;
  json: boolean;
  workers: number;
  input?: ClassInput;
  precision: Precision;
  provider: Provider;
}

export function classifyCommand(): Command {
  const command = new Command('classify')
    .description('Prints the likeliest classes of each picture with their probabilities.')
    .addArgument(pictureArgument('<file...>', 'pictures'))
    .addOption(modelOption())
    .addOption(new Option('--top <k>', 'classes to show').default(3).argParser(integer({ min: 1 })))
    .option('--json', 'one JSON object per line instead of a table', false)
    .addOption(inputOption())
    .addOption(workersOption())
    .addOption(precisionOption())
    .addOption(providerOption());
  return addDecodeOptions(command)
    .addHelpText('after', examples(`classify ${samplePictures()}/animals/*`, 'classify photo.png --json --top 1'))
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 a file could not be read as a picture (its row says why), 2 wrong command line.',
    )
    .action((files: string[], options: ClassifyOptions) => classify(files, options));
}

async function classify(files: string[], options: ClassifyOptions): Promise<void> {
  const { top, json, workers, scaledDecoding, precision, provider } = options;
  const checkpoint = withInput(await openNamedCheckpoint(options.model), options.input);
  using bar = progressBar('pictures');
  await using model = await openModel(checkpoint, {
    outputs: ['classification'],
    scaledDecoding,
    precision,
    provider,
    // Each thread opens a session: no more threads than pictures. A GPU has one session.
    threads: provider === 'cpu' ? Math.min(workers, files.length) : undefined,
  });
  await sayDevice(provider, precision, bar.say);
  const decoding = decodingSettings(options);
  await using decoder = openDecoder(model.preprocessing, decoding);
  const quantize = createQuantizer(model.preprocessing.palette);
  const pictures = eachPicture(
    files,
    { maxBytes: decoding.maxBytes, concurrency: decodingConcurrency(decoding) + model.concurrency },
    async (bytes) => {
      const { format, width, height, rgb } = await decoder.decode(bytes);
      const { classLogits = new Float32Array(0) } = await model.predict(quantize(rgb));
      const classes = labelledClasses(classLogits, model, top);
      return { image: { format, width, height }, classes };
    },
  );

  const rows: Cell[][] = [];
  let done = 0;
  for await (const result of pictures) {
    done += 1;
    bar.update(done, files.length);
    const { file } = result;
    if (result.status === 'failed') {
      process.exitCode = 1;
      rows.push(await reportFailedFile(result, { bar, json }));
    } else {
      const { image, classes } = result.value;
      rows.push([file, ...classes.map(({ label, probability }) => `${label} ${percent(probability)} %`)]);
      if (json) {
        await bar.hideWhile(() =>
          writeOut(`${JSON.stringify({ file, status: 'succeeded', model: model.id, image, classes })}\n`),
        );
      }
    }
  }
  bar.stop();
  if (!json) {
    const places = Array.from({ length: Math.min(top, model.labels.length) }, (_, i) => ({ title: `${i + 1}.` }));
    await writeOut(table([{ title: 'file' }, ...places], rows));
  }
}
