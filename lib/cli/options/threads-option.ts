import { availableParallelism } from 'node:os';
import { Option } from 'commander';
import { integer } from './number-option.ts';

/** Threads within one session. */
export function threadsOption(): Option {
  return new Option('--threads <t>', 'threads of the model at most; they change no bit of a result')
    .default(availableParallelism(), `one a core: ${availableParallelism()} here`)
    .argParser(integer({ min: 1, max: 256 }));
}
