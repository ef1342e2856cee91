import { UsageError } from '../ports/error.ts';

// Rules of the options that JavaScript, which has no types, passes to the package.

/** Whether a value is right, and what is expected, in words. */
type Rule = readonly [isRight: (value: unknown) => boolean, expected: string];
/** A rule for each option, so that none is forgotten. An option that is undefined has its default. */
export type Rules<Options> = { readonly [K in keyof Required<Options>]: Rule };

export const aFunction: Rule = [(value) => typeof value === 'function', 'a function'];
export const aFlag: Rule = [(value) => typeof value === 'boolean', 'true or false'];
export const aSignal: Rule = [(value) => value instanceof AbortSignal, 'an AbortSignal'];

/** @throws {UsageError} when an option is unknown or its value is not right */
export function checkOptions<Options extends object>(options: Options, rules: Rules<Options>): void {
  const known = new Map<string, Rule>(Object.entries(rules));
  for (const [name, value] of Object.entries(options)) {
    const rule = known.get(name);
    if (rule === undefined)
      throw new UsageError(`${name}: expected one of the options ${[...known.keys()].join(', ')}`);
    const [isRight, expected] = rule;
    if (value !== undefined && !isRight(value)) {
      throw new UsageError(`${name} ${shown(value)}: expected ${expected}`);
    }
  }
}

function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (Array.isArray(value)) return `[${value.join(', ')}]`;
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

export function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

export function whole(min: number, max = Number.MAX_SAFE_INTEGER): Rule {
  const expected = `a whole number from ${min}`;
  return [
    (value) => isWhole(value) && value >= min && value <= max,
    max === Number.MAX_SAFE_INTEGER ? expected : `${expected} to ${max}`,
  ];
}

export function oneOf(values: readonly unknown[]): Rule {
  return [(value) => values.includes(value), values.join(', ')];
}
