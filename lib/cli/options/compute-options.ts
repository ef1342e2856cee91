import { availableParallelism } from 'node:os';
import { type Command, Option } from 'commander';
import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import type { ForwardRequest } from '../../graph/forward-graph.ts';
import { type Precision, type Provider, precisions, providers } from '../../ports/model.ts';
import { describeDevice, deviceLine } from '../../runtime/device.ts';
import { type ForwardPool, openForwardPool } from '../../runtime/forward-pool.ts';
import { gpuBatch } from '../../runtime/gpu-batch.ts';
import { defaultPrecision, inPrecision } from '../../runtime/precision.ts';
import { integer } from './number-option.ts';

/** Number format of the model, out of those that the verb can use. */
export function precisionOption(choices: readonly Precision[] = precisions): Option {
  return new Option('--precision <p>', 'number format of the model; changes the model id')
    .choices(choices)
    .default(defaultPrecision);
}

/** Where the model runs. */
export function providerOption(): Option {
  return new Option('--provider <p>', 'where the model runs; never anywhere else instead')
    .choices(providers)
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

/** Threads within one session. */
export function threadsOption(): Option {
  return new Option('--threads <t>', 'threads of the model at most; they change no bit of a result')
    .default(availableParallelism(), `one a core: ${availableParallelism()} here`)
    .argParser(integer({ min: 1, max: 256 }));
}

/** Worker threads, one single-threaded session each. */
export function workersOption(): Option {
  return new Option('--workers <n>', 'threads that run the model, one session each')
    .default(availableParallelism(), `one a core: ${availableParallelism()} here`)
    .argParser(integer({ min: 1, max: 256 }));
}

/** How a model reads the pictures of a data set. */
export interface PoolOptions {
  workers: number;
  precision: Precision;
  provider: Provider;
}

export function addPoolOptions(command: Command): Command {
  return command.addOption(workersOption()).addOption(precisionOption()).addOption(providerOption());
}

/** Opens a model where and in the number format that was chosen, and says so when it is not f32 on the processor. */
export async function openPool(
  checkpoint: Checkpoint,
  request: ForwardRequest,
  { workers, precision, provider }: PoolOptions,
): Promise<ForwardPool> {
  const precise = await inPrecision(checkpoint, precision);
  const pool = await openForwardPool(precise.checkpoint, request, {
    provider,
    // A GPU has one session, whatever the processor has cores.
    threads: provider === 'cpu' ? workers : 1,
    batch: gpuBatch.dataSets,
  });
  await sayDevice(provider, precision);
  return pool;
}
