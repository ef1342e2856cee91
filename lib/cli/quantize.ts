import { Command } from 'commander';
import { addDecodeOptions, type DecodeOptions } from './decode-option.ts';
import { examples } from './examples.ts';
import { modelOption } from './model-option.ts';
import { samplePictures } from './sample-pictures.ts';

interface QuantizeOptions extends DecodeOptions {
  model: string;
  out?: string;
  preview?: string;
  force: boolean;
  json: boolean;
}

export function quantizeCommand(): Command {
  const command = new Command('quantize')
    .summary('pictures to colour tokens; what the model sees')
    .description(
      'Turns each picture into the colour tokens that the model reads: uint16 [N, n], row i is the i-th file, raster order. Without --out and --preview it prints a table.',
    )
    .argument('<file...>', 'pictures')
    .addOption(modelOption())
    .option('--out <x.npy>', 'write the tokens to this file')
    .option('--preview <x.png>', 'write a picture of what the model sees')
    .option('--force', 'replace files that exist', false)
    .option('--json', 'print the tokens, one JSON object a line', false);
  return addDecodeOptions(command)
    .addHelpText('after', examples(`quantize ${samplePictures()}/* --out tokens.npy --preview seen.png`))
    .action((files: string[], options: QuantizeOptions) => quantize(files, options));
}

async function quantize(files: string[], options: QuantizeOptions): Promise<void> {
  console.error(files, options);
}
