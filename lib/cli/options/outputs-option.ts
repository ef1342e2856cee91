import { InvalidArgumentError, Option } from 'commander';
import type { OutputName } from '../../pipeline/ports.ts';
import { nearest } from '../nearest.ts';

export const outputNames: readonly OutputName[] = ['classification', 'features', 'likelihood'];

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
      const meant = nearest(name, outputNames);
      throw new InvalidArgumentError(
        `expected some of ${outputNames.join(', ')}, got '${name}'${meant === undefined ? '' : ` (nearest: ${meant})`}`,
      );
    }
    return output;
  });
}
