import { moduleBeside } from '../files/module-beside.ts';
import type { ForwardRequest, ImageGptModel } from '../graph/forward-graph.ts';
import type { Provider } from '../ports/model.ts';
import type { ForwardTask, ForwardThreadStart } from './forward-thread.ts';
import type { Output } from './session.ts';
import { openThreadPool } from './thread-pool.ts';

export interface ForwardPoolOptions {
  /** Threads, each with its own single-threaded session. */
  threads: number;
  /** Default `cpu`. */
  provider?: Provider | undefined;
  /** Pictures of a batch on a GPU: as many as a task has (default: see ForwardOptions). */
  batch?: number | undefined;
}

export interface ForwardPool extends AsyncDisposable {
  readonly threads: number;
  /** Like `Forward.execute`, on the thread with the fewest tasks. */
  execute(task: ForwardTask): Promise<Map<string, Output>>;
  close(): Promise<void>;
}

/**
 * Opens a model for the outputs of `request` in several threads. For many pictures this is faster than one session that
 * uses all cores.
 *
 * @throws ThreadUnusableError with the code of the error in the thread
 */
export async function openForwardPool(
  { config, weights, probe }: ImageGptModel,
  request: ForwardRequest,
  { threads, provider, batch }: ForwardPoolOptions,
): Promise<ForwardPool> {
  const data: ForwardThreadStart = { model: { config, weights, probe }, request, options: { provider, batch } };
  const pool = await openThreadPool<undefined, ForwardTask, Map<string, Output>>({
    file: moduleBeside(import.meta.url, './forward-thread'),
    data,
    threads,
  });
  return { threads, execute: pool.execute, close: pool.close, [Symbol.asyncDispose]: pool.close };
}
