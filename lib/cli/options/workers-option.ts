import { availableParallelism } from 'node:os';
import { Option } from 'commander';
import { integer } from './number-option.ts';

/** Worker threads, one single-threaded session each. */
export function workersOption(): Option {
  return new Option('--workers <n>', 'threads that run the model, one session each')
    .default(availableParallelism(), `one a core: ${availableParallelism()} here`)
    .argParser(integer({ min: 1, max: 256 }));
}
