import { Option } from 'commander';
import { type Precision, precisions } from '../../checkpoint/derived/precision.ts';
import { defaultPrecision } from '../../runtime/precision.ts';

/** Number format of the model, out of those that the verb can use. */
export function precisionOption(choices: readonly Precision[] = precisions): Option {
  return new Option('--precision <p>', 'number format of the model; changes the model id')
    .choices(choices)
    .default(defaultPrecision);
}
