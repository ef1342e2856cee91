import { z } from 'zod';
import { failureCodes } from '../ports/error.ts';
import { featureNorms, outputNames, precisions, providers } from '../ports/model.ts';

// The value lists of lib/ports as zod enumerations. The lists are in ports so that code without zod can use them.

export const failureCode = z.enum(failureCodes);
/** An item of a list of outputs. */
export const outputName = z.enum(outputNames, `expected some of ${outputNames.join(', ')}, separated by commas`);
export const featureNorm = choice(featureNorms);
export const precision = choice(precisions);
export const provider = choice(providers);

/** One of `values`. The error names them: `expected f32, int8 or f16`. */
export function choice<const T extends string>(values: readonly [T, ...T[]]) {
  return z.enum(values, `expected ${either(values)}`);
}

function either(values: readonly string[]): string {
  return values.length < 2 ? values.join() : `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`;
}
