import { availableParallelism } from 'node:os';
import { InvalidArgumentError, Option } from 'commander';

/** Option for a number of threads or processes (default: one per core). */
export function countOption(flags: string, description: string): Option {
  return new Option(flags, description)
    .default(availableParallelism(), `one per core: ${availableParallelism()} here`)
    .argParser(integer({ min: 1, max: 256 }));
}

interface Range {
  min?: number;
  max?: number;
  /** Excludes `min` itself. */
  aboveMin?: boolean;
}

/** Parser of a whole number in `range`, ends included. */
export function integer(range: Range = {}): (text: string) => number {
  return (text) => {
    const value = /^[+-]?\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
    if (!Number.isSafeInteger(value) || !within(value, range)) {
      throw new InvalidArgumentError(`expected a whole number${describe(range)}`);
    }
    return value;
  };
}

/** Parser of a finite number in `range`. */
export function number(range: Range = {}): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (!Number.isFinite(value) || !within(value, range)) {
      throw new InvalidArgumentError(`expected a number${describe(range)}`);
    }
    return value;
  };
}

function within(value: number, { min = -Infinity, max = Infinity, aboveMin = false }: Range): boolean {
  return value <= max && (aboveMin ? value > min : value >= min);
}

function describe({ min, max, aboveMin }: Range): string {
  if (min !== undefined && max !== undefined) {
    return aboveMin ? ` above ${min}, at most ${max}` : ` from ${min} to ${max}`;
  }
  if (min !== undefined) {
    return aboveMin ? ` above ${min}` : `, ${min} or more`;
  }
  return max === undefined ? '' : `, ${max} or less`;
}
