import { inspect } from 'node:util';
import { keepRange, keptTokens } from '../image-gpt/kept-tokens.ts';
import { UsageError } from '../ports/error.ts';
import { classInputs, featureNorms, outputNames, precisions, providers } from '../ports/model.ts';
import type { CompletionOptions, ImageGptOptions } from './options.ts';

/** Whether a value is right, and what is expected, in words. */
type Rule = readonly [isRight: (value: unknown) => boolean, expected: string];
type Rules<Options> = { readonly [K in keyof Required<Options>]: Rule };

/** Node's longest timer. */
const longestTimer = 2 ** 31 - 1;

/** Far more threads or processes than a machine has cores. */
const mostThreads = 1024;

const aFunction: Rule = [(value) => typeof value === 'function', 'a function'];
const aFlag: Rule = [(value) => typeof value === 'boolean', 'true or false'];
const aSignal: Rule = [(value) => value instanceof AbortSignal, 'an AbortSignal'];

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
  check(options, openingRules);
}

/**
 * Checks the options of a completion of n tokens of `colors` values.
 *
 * @throws {UsageError} when an option is unknown or out of range
 */
export function checkCompletion(options: CompletionOptions, n: number, colors: number): void {
  check<CompletionOptions>(options, {
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

function check<Options extends object>(options: Options, rules: Rules<Options>): void {
  const known = new Map<string, Rule>(Object.entries(rules));
  for (const [name, value] of Object.entries(options)) {
    const rule = known.get(name);
    if (rule === undefined)
      throw new UsageError(`${name}: expected one of the options ${[...known.keys()].join(', ')}`);
    const [isRight, expected] = rule;
    if (value !== undefined && !isRight(value)) {
      throw new UsageError(
        `${name} ${inspect(value, { breakLength: Number.POSITIVE_INFINITY })}: expected ${expected}`,
      );
    }
  }
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function whole(min: number, max = Number.MAX_SAFE_INTEGER): Rule {
  const expected = `a whole number from ${min}`;
  return [
    (value) => isWhole(value) && value >= min && value <= max,
    max === Number.MAX_SAFE_INTEGER ? expected : `${expected} to ${max}`,
  ];
}

function oneOf(values: readonly unknown[]): Rule {
  return [(value) => values.includes(value), values.join(', ')];
}
