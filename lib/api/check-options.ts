import {
  aFlag,
  aFunction,
  aSignal,
  checkOptions,
  isWhole,
  oneOf,
  type Rules,
  whole,
} from '../contracts/option-rules.ts';
import { keepRange, keptTokens } from '../image-gpt/kept-tokens.ts';
import { classInputs, featureNorms, outputNames, precisions, providers } from '../ports/model.ts';
import type { CompletionOptions, ImageGptOptions } from './options.ts';

/** Node's longest timer. */
const longestTimer = 2 ** 31 - 1;

/** Far more threads or processes than a machine has cores. */
const mostThreads = 1024;

const openingRules: Rules<ImageGptOptions> = {
  outputs: [
    (value) => Array.isArray(value) && value.length > 0 && value.every((name) => outputNames.includes(name)),
    `an array of ${outputNames.join(', ')}`,
  ],
  featureLayer: whole(0),
  featureNorm: oneOf(featureNorms),
  input: oneOf(classInputs),
  provider: oneOf(providers),
  precision: oneOf(precisions),
  threads: whole(1, mostThreads),
  decoders: whole(1, mostThreads),
  maxBytes: whole(1),
  maxPixels: whole(1),
  decodeTimeoutMs: whole(1, longestTimer),
  allowSvg: aFlag,
  scaledDecoding: aFlag,
  onImport: aFunction,
  signal: aSignal,
};

/** @throws {UsageError} when an option is unknown or out of range */
export function checkOpening(options: ImageGptOptions): void {
  checkOptions(options, openingRules);
}

/**
 * Checks the options of a completion of n tokens of `colors` values.
 *
 * @throws {UsageError} when an option is unknown or out of range
 */
export function checkCompletion(options: CompletionOptions, n: number, colors: number): void {
  checkOptions<CompletionOptions>(options, {
    keep: [(value) => typeof value === 'number' && keptTokens(value, n) !== undefined, keepRange(n)],
    count: whole(1),
    seed: [(value) => isWhole(value) && value >= 0 && value < 2 ** 32, 'a whole number below 2^32'],
    temperature: [(value) => Number.isFinite(value) && Number(value) >= 0, 'a number from 0'],
    topK: [(value) => isWhole(value) && value >= 0 && value <= colors, `0 (all) to ${colors}`],
    topP: [(value) => typeof value === 'number' && value > 0 && value <= 1, 'a number above 0, at most 1'],
    onProgress: aFunction,
    signal: aSignal,
  });
}
