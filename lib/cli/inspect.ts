import { Command } from 'commander';
import { examples } from './examples.ts';

interface InspectOptions {
  json: boolean;
}

export function inspectCommand(): Command {
  return new Command('inspect')
    .summary('what a checkpoint is: variant, size, palette, labels, cost')
    .description(
      'Says what a checkpoint is: variant, parameters, resolution, palette, layers, labels, dtype, and what each output costs in GFLOP.',
    )
    .argument('<model>', 'checkpoint directory, or igpt-nano')
    .option('--json', 'as one JSON object', false)
    .addHelpText('after', examples('inspect igpt-nano', 'inspect ./my-checkpoint --json'))
    .action((model: string, options: InspectOptions) => inspect(model, options));
}

async function inspect(model: string, options: InspectOptions): Promise<void> {
  console.error(model, options);
}
