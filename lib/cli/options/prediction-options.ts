import { type Command, InvalidArgumentError, Option } from 'commander';
import { UsageError } from '../../ports/error.ts';
import {
  type ClassInput,
  type FeatureNorm,
  featureNorms,
  type OutputName,
  outputNames,
  type Precision,
  type Provider,
} from '../../ports/model.ts';
import type { OpenModelOptions } from '../../runtime/model.ts';
import { precisionOption, providerOption, workersOption } from './compute-options.ts';
import { inputOption } from './input-option.ts';
import { modelOption } from './model-option.ts';
import { integer } from './number-option.ts';

export function outputsOption(): Option {
  return new Option(
    '--outputs <list>',
    `what to compute, separated by commas: ${outputNames.join(', ')} (default: all that the model has)`,
  ).argParser(outputList);
}

/** Parser of output names, separated by commas. */
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
  input?: ClassInput;
}

/** A model, what it computes over many pictures, and how. */
export interface ModelOptions extends OutputOptions {
  model: string;
  prepack: boolean;
  precision: Precision;
  provider: Provider;
  workers: number;
}

/** Adds the options of {@link ModelOptions}. */
export function addModelOptions(command: Command): Command {
  return addOutputOptions(command.addOption(modelOption()))
    .addOption(workersOption())
    .addOption(precisionOption())
    .addOption(providerOption())
    .option(
      '--prepack',
      'copy the weights into the layout that suits the processor: about 12 % faster, but each thread needs memory for a copy',
      false,
    );
}

/** Adds the options of {@link OutputOptions}. */
export function addOutputOptions(command: Command): Command {
  return command
    .addOption(outputsOption())
    .addOption(
      new Option(
        '--layer <l>',
        'layer of the features, 0 to the number of layers (default: the checkpoint’s, else the middle layer)',
      ).argParser(integer({ min: 0 })),
    )
    .addOption(
      new Option(
        '--norm <norm>',
        'features before (raw) or after (next) the following norm (default: the checkpoint’s, else next)',
      ).choices(featureNorms),
    )
    .addOption(inputOption());
}

/** @throws UsageError for a layer or norm when no features are computed, and for an input when no classes are */
export function refuseMeaninglessModelOptions({ layer, norm, input, outputs }: OutputOptions): void {
  for (const [option, value, output] of [
    ['--layer', layer, 'features'],
    ['--norm', norm, 'features'],
    ['--input', input, 'classification'],
  ] as const) {
    if (value === undefined || outputs === undefined || outputs.includes(output)) continue;
    throw new UsageError(
      `${option} goes with ${output}, not with --outputs ${outputs.join(',')}; leave it out, or add ${output}`,
    );
  }
}

export function openModelOptions(options: ModelOptions & { scaledDecoding: boolean }): OpenModelOptions {
  const { outputs, layer, norm, workers, scaledDecoding, prepack, precision, provider } = options;
  return {
    outputs,
    featureLayer: layer,
    featureNorm: norm,
    scaledDecoding,
    prepack,
    precision,
    provider,
    // A GPU has one session, however many cores the machine has.
    threads: provider === 'cpu' ? workers : undefined,
  };
}
