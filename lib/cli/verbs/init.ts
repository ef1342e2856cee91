import { Command, Option } from 'commander';
import { initCheckpoint } from '../../checkpoint/init-checkpoint.ts';
import { nanoDirectory } from '../../checkpoint/named-model.ts';
import { summarize } from '../../checkpoint/summary.ts';
import { chosenVariant } from '../../checkpoint/variants.ts';
import type { Objective } from '../../ports/model.ts';
import { examples } from '../invocation.ts';
import {
  chosenDtype,
  dtypeOption,
  headsOption,
  resolutionOption,
  variantOption,
} from '../options/new-model-options.ts';
import { integer } from '../options/number-option.ts';
import { writtenModel } from '../terminal/model-text.ts';
import { progressBar } from '../terminal/progress-bar.ts';
import { writeOut } from '../terminal/standard-output.ts';

interface InitOptions {
  variant: string;
  resolution?: string;
  heads?: number;
  objective: Objective;
  seed: number;
  dtype: string;
  palette?: string;
  out: string;
  force: boolean;
  json: boolean;
}

export function initCommand(): Command {
  return new Command('init')
    .description(
      "Makes a model directory with random weights: one of the paper's sizes, with OpenAI's initial values. The same options and seed give the same weights.",
    )
    .addOption(variantOption().makeOptionMandatory())
    .addOption(resolutionOption())
    .addOption(headsOption("attention heads (default: the variant's; 24 for xl, whose number was never published)"))
    .addOption(
      new Option('--objective <objective>', 'what the model will be trained for').choices(['ar', 'bert']).default('ar'),
    )
    .option('--seed <n>', 'seed of the weights', integer({ min: 0, max: 2 ** 32 - 1 }), 0)
    .addOption(dtypeOption('number format of the weights').default('f32'))
    .option('--palette <file>', "colours: kmeans_centers.npy or a preprocessor_config.json (default: igpt-nano's)")
    .requiredOption('--out <dir>', 'model directory to make')
    .option('--force', 'replace an existing model', false)
    .option('--json', 'as one JSON object', false)
    .addHelpText('after', examples('init --variant s --resolution 32 --out igpt-s'))
    .action((options: InitOptions) => init(options));
}

/** Bytes per unit of the progress bar. */
const megabyte = 1e6;

async function init(options: InitOptions): Promise<void> {
  const { palette = `${nanoDirectory}/preprocessor_config.json`, out, force, seed } = options;
  const { name, config } = chosenVariant(options);
  using bar = progressBar('MB');
  const checkpoint = await initCheckpoint(out, {
    config,
    palette,
    name,
    seed,
    dtype: chosenDtype(options.dtype) ?? 'F32',
    force,
    progress: (done, total) => bar.update(Math.round(done / megabyte), Math.round(total / megabyte)),
  });
  bar.stop();
  const summary = summarize(checkpoint);
  await writeOut(options.json ? `${JSON.stringify({ directory: out, ...summary })}\n` : writtenModel(out, summary, []));
}
