import { Command, Option } from 'commander';
import { addDecodeOptions, type DecodeOptions } from './decode-option.ts';
import { examples } from './examples.ts';
import { modelOption } from './model-option.ts';
import { integer, number } from './number-option.ts';
import { samplePictures } from './sample-pictures.ts';

interface CompleteOptions extends DecodeOptions {
  model: string;
  tokens?: string;
  keep: number;
  samples: number;
  seed: number;
  temperature: number;
  topK?: number;
  topP: number;
  out: string;
  force: boolean;
}

export function completeCommand(): Command {
  const command = new Command('complete')
    .summary('the paper’s completion grid: original, what is kept, samples')
    .description(
      'Keeps the first tokens of a picture and lets the model paint the rest, several times. A .png shows the grid: original, what is kept, n samples. A .npy holds the tokens, uint16 [N, samples, n], N pictures (1 for a file).',
    )
    .argument('[file]', 'a picture; or give --tokens')
    .addOption(modelOption())
    .option('--tokens <x.npy>', 'tokens [N, n], any integer type, instead of a picture')
    .addOption(
      new Option(
        '--keep <k>',
        'how much is kept: a share of the tokens from 0 to 1, or a whole number of tokens from 2 on',
      )
        .default(0.5)
        .argParser(number({ min: 0 })),
    )
    .addOption(
      new Option('-n, --samples <n>', 'completions of each picture')
        .default(8)
        .argParser(integer({ min: 1, max: 1024 })),
    )
    .addOption(
      new Option('--seed <s>', 'the same seed paints the same')
        .default(0)
        .argParser(integer({ min: 0, max: 0xffff_ffff })),
    )
    .addOption(
      new Option('--temperature <t>', '0: always the likeliest; 1: as the model says')
        .default(1)
        .argParser(number({ min: 0 })),
    )
    .addOption(
      new Option('--top-k <k>', 'choose among the k likeliest only (default: all)').argParser(integer({ min: 1 })),
    )
    .addOption(
      new Option('--top-p <p>', 'choose among the likeliest that together have this probability')
        .default(1)
        .argParser(number({ min: 0, max: 1, aboveMin: true })),
    )
    .requiredOption('--out <grid.png|y.npy>', 'where to write; the ending says what')
    .option('--force', 'replace the file if it exists', false);
  return addDecodeOptions(command)
    .addHelpText(
      'after',
      examples(`complete ${samplePictures('animals/cat.jpg')} --keep 0.5 -n 8 --seed 1 --out grid.png`),
    )
    .action((file: string | undefined, options: CompleteOptions) => complete(file, options));
}

async function complete(file: string | undefined, options: CompleteOptions): Promise<void> {
  console.error(file, options);
}
