import { Option } from 'commander';
import type { Precision } from '../../checkpoint/derived/precision.ts';
import { describeDevice, deviceLine } from '../../runtime/device.ts';
import type { Provider } from '../../runtime/session.ts';

const PROVIDERS: readonly Provider[] = ['cpu', 'cuda', 'webgpu'];

/** Where the model runs. */
export function providerOption(): Option {
  return new Option('--provider <p>', 'where the model runs; never anywhere else instead')
    .choices(PROVIDERS)
    .default('cpu');
}

/** Tells what an open model runs on; nothing of the processor in f32, as nobody chose. */
export async function sayDevice(
  provider: Provider,
  precision: Precision,
  say: (line: string) => void = (line) => process.stderr.write(`${line}\n`),
): Promise<void> {
  if (provider === 'cpu' && precision === 'f32') return;
  say(deviceLine(provider, await describeDevice(provider), precision));
}
