import { Command, Option } from 'commander';
import { addDecodeOptions, type DecodeOptions } from './decode-option.ts';
import { examples } from './examples.ts';
import { modelOption } from './model-option.ts';
import { integer } from './number-option.ts';
import { samplePictures } from './sample-pictures.ts';
import { workersOption } from './workers-option.ts';

interface ClassifyOptions extends DecodeOptions {
  model: string;
  top: number;
  json: boolean;
  workers: number;
}

export function classifyCommand(): Command {
  const command = new Command('classify')
    .summary('a table with the top classes of each file')
    .description('Says what each picture shows: the likeliest classes with their probabilities.')
    .argument('<file...>', 'pictures')
    .addOption(modelOption())
    .addOption(new Option('--top <k>', 'classes to show').default(3).argParser(integer({ min: 1 })))
    .option('--json', 'one JSON object a line instead of a table', false)
    .addOption(workersOption());
  return addDecodeOptions(command)
    .addHelpText('after', examples(`classify ${samplePictures()}/*`, 'classify photo.png --json --top 1'))
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 some file could not be read as a picture (its row says why), 2 wrong command line.',
    )
    .action((files: string[], options: ClassifyOptions) => classify(files, options));
}

async function classify(files: string[], options: ClassifyOptions): Promise<void> {
  console.error(files, options);
}
