import { Option } from 'commander';
import { type Precision, type Provider, precisions, providers } from '../../ports/model.ts';
import { describeDevice, deviceLine } from '../../runtime/device.ts';
import { defaultPrecision } from '../../runtime/precision.ts';
import { countOption } from './number-option.ts';

/** `choices`: the number formats that the verb can use. */
export function precisionOption(choices: readonly Precision[] = precisions): Option {
  return new Option('--precision <p>', 'number format of the model; changes the model id')
    .choices(choices)
    .default(defaultPrecision);
}

export function providerOption(): Option {
  return new Option('--provider <p>', 'where the model runs; no fallback: an unavailable provider is an error')
    .choices(providers)
    .default('cpu');
}

/** Prints the device of an open model; nothing for f32 on the CPU, the default. */
export async function sayDevice(
  provider: Provider,
  precision: Precision,
  say: (line: string) => void = (line) => process.stderr.write(`${line}\n`),
): Promise<void> {
  if (provider === 'cpu' && precision === 'f32') return;
  say(deviceLine(provider, await describeDevice(provider), precision));
}

/** Threads within one session. */
export function threadsOption(): Option {
  return countOption('--threads <t>', 'most threads of the model; the number changes no bit of a result');
}

/** Threads with a single-threaded session each. */
export function workersOption(): Option {
  return countOption('--workers <n>', 'threads that run the model, one session each');
}
