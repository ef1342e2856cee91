import { Command, InvalidArgumentError, Option } from 'commander';
import type { FeatureNorm } from '../image-gpt/config.ts';
import type { OutputName } from '../pipeline/ports.ts';
import { addDecodeOptions, type DecodeOptions } from './decode-option.ts';
import { examples } from './examples.ts';
import { modelOption } from './model-option.ts';
import { nearest } from './nearest.ts';
import { integer } from './number-option.ts';
import { samplePictures } from './sample-pictures.ts';
import { workersOption } from './workers-option.ts';

const OUTPUTS: readonly OutputName[] = ['classification', 'features', 'likelihood'];

interface RunOptions extends DecodeOptions {
  out: string;
  model: string;
  outputs?: OutputName[];
  layer?: number;
  norm?: FeatureNorm;
  watch: boolean;
  retryFailed: boolean;
  workers: number;
}

export function runCommand(): Command {
  const command = new Command('run')
    .summary('a directory of pictures in, one outcome for each picture out')
    .description(
      'Runs the whole pipeline over a directory: for each picture OUT/results/<model id>/<relative path>.json says what the model saw, or why it failed. Started again, it does only what is missing.',
    )
    .argument(
      '<dir>',
      'directory of pictures, read with its subdirectories; dotfiles and links that leave it are ignored',
    )
    .option('--out <out>', 'directory of the outcomes, not inside <dir>', './igpt-out')
    .addOption(modelOption())
    .addOption(
      new Option(
        '--outputs <list>',
        `what to compute, with commas between: ${OUTPUTS.join(', ')} (default: all that the model has)`,
      ).argParser(outputList),
    )
    .addOption(
      new Option(
        '--layer <l>',
        'layer of the features, 0 to the number of layers (default: what the checkpoint says, else the middle)',
      ).argParser(integer({ min: 0 })),
    )
    .addOption(
      new Option(
        '--norm <norm>',
        'features before (raw) or after (next) the following norm (default: what the checkpoint says, else next)',
      ).choices(['raw', 'next']),
    )
    .option('--watch', 'go on, and take new and changed pictures, until Ctrl-C', false)
    .option('--retry-failed', 'try again the pictures that failed before', false)
    .addOption(workersOption());
  return addDecodeOptions(command)
    .addHelpText(
      'after',
      examples(`run ${samplePictures()}`, 'run ~/Pictures --out /tmp/outcomes --outputs features,likelihood'),
    )
    .addHelpText(
      'after',
      [
        '',
        'Standard output: one JSON event a line for each new outcome, a summary last. Words and tables go to standard error.',
        'Ctrl-C finishes what is in flight and says how to go on; a second one ends at once. Exit codes: 0 done (pictures may',
        'have failed), 1 could not run, 2 wrong command line, 130 or 143 interrupted by SIGINT or SIGTERM.',
      ].join('\n'),
    )
    .action((dir: string, options: RunOptions) => run(dir, options));
}

function outputList(text: string): OutputName[] {
  const names = text.split(',').map((name) => name.trim());
  return names.map((name) => {
    const output = OUTPUTS.find((candidate) => candidate === name);
    if (output === undefined) {
      const meant = nearest(name, OUTPUTS);
      throw new InvalidArgumentError(
        `expected some of ${OUTPUTS.join(', ')}, got '${name}'${meant === undefined ? '' : ` (nearest: ${meant})`}`,
      );
    }
    return output;
  });
}

async function run(dir: string, options: RunOptions): Promise<void> {
  console.error(dir, options);
}
