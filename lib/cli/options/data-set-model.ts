import type { Command } from 'commander';
import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import type { ForwardRequest } from '../../graph/forward-graph.ts';
import type { Precision, Provider } from '../../ports/model.ts';
import { type ForwardPool, openForwardPool } from '../../runtime/forward-pool.ts';
import { gpuBatch } from '../../runtime/gpu-batch.ts';
import { inPrecision } from '../../runtime/precision.ts';
import { precisionOption, providerOption, sayDevice, workersOption } from './compute-options.ts';
import { addDataOptions, addSplitOptions, type DataOptions, type SplitFlags } from './data-options.ts';
import { modelOption } from './model-option.ts';

/** How a verb runs a model over the pictures of a data set. */
interface PoolOptions {
  workers: number;
  precision: Precision;
  provider: Provider;
}

/** What `eval` and `probe` have in common: a model over a data set. */
export interface DataSetModelOptions extends DataOptions, SplitFlags, PoolOptions {
  model: string;
}

/** Adds the options of {@link DataSetModelOptions}. */
export function addDataSetModelOptions(command: Command): Command {
  addDataOptions(command.addOption(modelOption()));
  return addSplitOptions(command).addOption(workersOption()).addOption(precisionOption()).addOption(providerOption());
}

/** Opens a model in the chosen place and number format; prints them unless they are the defaults. */
export async function openPool(
  checkpoint: Checkpoint,
  request: ForwardRequest,
  { workers, precision, provider }: PoolOptions,
): Promise<ForwardPool> {
  const precise = await inPrecision(checkpoint, precision);
  const pool = await openForwardPool(precise.checkpoint, request, {
    provider,
    // A GPU has one session, however many cores the machine has.
    threads: provider === 'cpu' ? workers : 1,
    batch: gpuBatch.dataSets,
  });
  await sayDevice(provider, precision);
  return pool;
}
