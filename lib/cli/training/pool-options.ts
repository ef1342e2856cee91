import type { Command } from 'commander';
import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import type { Precision } from '../../checkpoint/derived/precision.ts';
import type { ForwardRequest } from '../../graph/forward-graph.ts';
import { type ForwardPool, openForwardPool } from '../../runtime/forward-pool.ts';
import { inPrecision } from '../../runtime/precision.ts';
import type { Provider } from '../../runtime/session.ts';
import { picturesAtOnce } from '../../training/evaluation/forward-rows.ts';
import { precisionOption } from '../options/precision-option.ts';
import { providerOption, sayDevice } from '../options/provider-option.ts';
import { workersOption } from '../options/workers-option.ts';

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
    workers: provider === 'cpu' ? workers : 1,
    batch: picturesAtOnce,
  });
  await sayDevice(provider, precision);
  return pool;
}
