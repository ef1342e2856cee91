import { availableParallelism } from 'node:os';
import type { ForwardRequest, ImageGptModel } from '../graph/forward-graph.ts';
import type { Provider } from '../ports/model.ts';
import type { ForwardTask, ForwardThreadStart } from './forward-thread.ts';
import type { Output } from './session.ts';
import { openThreadPool } from './thread-pool.ts';

export interface ForwardPoolOptions {
  /** Threads, each with a session that computes on it alone. Default: as many as the machine can run at once. */
  workers?: number;
  /** Default `cpu`. */
  provider?: Provider;
  /** Pictures side by side on a GPU: as many as a task has. Default: see ForwardOptions. */
  batch?: number;
  /** Each worker copies the weights into its kernels' layout: faster, for that memory. Default false. */
  prepack?: boolean;
}

export interface ForwardPool {
  readonly workers: number;
  /** As `Forward.run` of forward.ts, on whichever worker has the least to do. */
  run(task: ForwardTask): Promise<Map<string, Output>>;
  close(): Promise<void>;
}

/**
 * Opens a model for the outputs of `request` in worker threads: for many pictures, faster than one session on all cores.
 *
 * @throws ThreadUnusableError with the code of what was wrong
 */
export async function openForwardPool(
  { config, weights, probe }: ImageGptModel,
  request: ForwardRequest,
  options: ForwardPoolOptions = {},
): Promise<ForwardPool> {
  const { workers = availableParallelism(), provider = 'cpu', batch, prepack = false } = options;
  const data: ForwardThreadStart = {
    model: { config, weights, ...(probe && { probe }) },
    request,
    options: { provider, prepack, ...(batch !== undefined && { batch }) },
  };
  const pool = await openThreadPool<undefined, ForwardTask, Map<string, Output>>({
    file: new URL('./forward-thread.ts', import.meta.url),
    data,
    workers,
  });
  return { workers, run: pool.run, close: pool.close };
}
