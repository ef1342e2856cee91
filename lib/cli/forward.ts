import { Command, Option } from 'commander';
import type { FeatureNorm } from '../image-gpt/config.ts';
import { examples } from './examples.ts';
import { modelOption } from './model-option.ts';
import { integer } from './number-option.ts';
import { samplePictures } from './sample-pictures.ts';

const OUTPUTS = ['logits', 'features', 'likelihood', 'classes'] as const;

interface ForwardOptions {
  model: string;
  tokens: string;
  output: (typeof OUTPUTS)[number];
  layer?: number;
  pool: 'mean' | 'none';
  norm: FeatureNorm;
  mask?: string;
  out: string;
  force: boolean;
  threads: number;
  batch: number;
}

export function forwardCommand(): Command {
  return new Command('forward')
    .summary('tokens in, raw outputs out, for checking against other implementations')
    .description(
      'Runs the model on tokens: any integer npy [N, n], pictures in raster order, without SOS (the shift is ours). Writes <f4 in C order: logits [N, n, V]; likelihood [N, n] in nats; classes [N, C], before softmax; features [N, d], or [N, n, d] with --pool none.',
    )
    .addOption(modelOption())
    .requiredOption('--tokens <x.npy>', 'tokens [N, n], any integer type')
    .addOption(new Option('--output <name>', 'what to compute').choices(OUTPUTS).makeOptionMandatory())
    .addOption(
      new Option(
        '--layer <l>',
        'features of h^l: 0 is embeddings + positions, L the last block (default: L/2, rounded down)',
      ).argParser(integer({ min: 0 })),
    )
    .addOption(
      new Option('--pool <pool>', 'mean over the tokens, or none: features for each token')
        .choices(['mean', 'none'])
        .default('mean'),
    )
    .addOption(
      new Option('--norm <norm>', 'raw: h^l itself; next: after ln_1 of block l, or ln_f for l = L')
        .choices(['raw', 'next'])
        .default('next'),
    )
    .option('--mask <m.npy>', 'BERT models: [N, n], 1 = masked (default: nothing is masked)')
    .requiredOption('--out <y.npy>', 'where to write')
    .option('--force', 'replace <y.npy> if it exists', false)
    .addOption(new Option('--threads <t>', 'threads of the model').default(1).argParser(integer({ min: 1, max: 256 })))
    .addOption(new Option('--batch <b>', 'pictures at a time').default(4).argParser(integer({ min: 1, max: 1024 })))
    .addHelpText(
      'after',
      examples(
        `quantize ${samplePictures()}/* --out tokens.npy`,
        'forward --tokens tokens.npy --output features --out features.npy',
        'forward --tokens tokens.npy --output classes --out classes.npy',
      ),
    )
    .action((options: ForwardOptions) => forward(options));
}

async function forward(options: ForwardOptions): Promise<void> {
  console.error(options);
}
