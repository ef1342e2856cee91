import { type Command, InvalidArgumentError, Option } from 'commander';
import { UsageError } from '../../ports/error.ts';
import {
  type FeatureNorm,
  featureNorms,
  type OutputName,
  outputNames,
  type Precision,
  type Provider,
} from '../../ports/model.ts';
import type { OpenModelOptions } from '../../runtime/model.ts';
import { precisionOption, providerOption, workersOption } from './compute-options.ts';
import { modelOption } from './model-option.ts';
import { integer } from './number-option.ts';

export function outputsOption(): Option {
  return new Option(
    '--outputs <list>',
    `what to compute, with commas between: ${outputNames.join(', ')} (default: all that the model has)`,
  ).argParser(outputList);
}

/** Parser of output names with commas between. */
function outputList(text: string): OutputName[] {
  const names = text.split(',').map((name) => name.trim());
  return names.map((name) => {
    const output = outputNames.find((candidate) => candidate === name);
    if (output === undefined) {
      throw new InvalidArgumentError(`expected some of ${outputNames.join(', ')}, got '${name}'`);
    }
    return output;
  });
}

/** What a model computes. */
export interface OutputOptions {
  outputs?: OutputName[];
  layer?: number;
  norm?: FeatureNorm;
}

/** What a model computes over many pictures, and how. */
export interface ModelOptions extends OutputOptions {
  model: string;
  prepack: boolean;
  precision: Precision;
  provider: Provider;
  workers: number;
}

/** Adds what names a model and its outputs. */
export function addModelOptions(command: Command): Command {
  return addOutputOptions(command.addOption(modelOption()))
    .addOption(workersOption())
    .addOption(precisionOption())
    .addOption(providerOption())
    .option(
      '--prepack',
      'copy the weights into the layout that the processor likes best: about 12 % faster, for that memory in each worker',
      false,
    );
}

/** Adds what is computed. */
export function addOutputOptions(command: Command): Command {
  return command
    .addOption(outputsOption())
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
      ).choices(featureNorms),
    );
}

/** @throws UsageError for a layer or norm of features that are not computed */
export function refuseMeaninglessModelOptions({ layer, norm, outputs }: OutputOptions): void {
  const meaningless = layer !== undefined ? 'layer' : norm !== undefined ? 'norm' : undefined;
  if (meaningless !== undefined && outputs?.includes('features') === false) {
    throw new UsageError(
      `--${meaningless} goes with features, not with --outputs ${outputs.join(',')}; leave it out, or add features`,
    );
  }
}

export function openModelOptions(options: ModelOptions & { scaledDecoding: boolean }): OpenModelOptions {
  const { outputs, layer, norm, workers, scaledDecoding, prepack, precision, provider } = options;
  return {
    // A GPU has one session, whatever the processor has cores.
    ...(provider === 'cpu' && { threads: workers }),
    ...{ provider, scaledDecoding, prepack, precision },
    ...(outputs === undefined ? {} : { outputs }),
    ...(layer === undefined ? {} : { featureLayer: layer }),
    ...(norm === undefined ? {} : { featureNorm: norm }),
  };
}
