import type { JobRow, ManifestPicture } from '../contracts/job.ts';
import type { MadeRow } from './make-row.ts';

/** The pictures of one shard, and the function that stores their rows. */
export interface ShardTask {
  pictures: readonly ManifestPicture[];
  /** Stores the rows, in the order of the pictures. */
  done(rows: JobRow[]): Promise<void>;
}

export interface LanesOptions {
  tasks: AsyncIterable<ShardTask>;
  /** Pictures in progress at once. */
  lanes: number;
  makeRow: (picture: ManifestPicture, signal: AbortSignal) => Promise<MadeRow>;
  /** Called for each row. An error that it throws stops everything. */
  onRow: (made: MadeRow) => void;
  signal: AbortSignal;
}

interface OpenTask {
  task: ShardTask;
  rows: JobRow[];
  left: number;
  closed: PromiseWithResolvers<void>;
}

/** Tasks open at once, which bounds the memory: one whose rows are made, one that is being stored, and a spare one. */
const minOpenTasks = 3;

/**
 * Makes the rows of all tasks, with `lanes` pictures in progress at once. A lane takes pictures of the next task while
 * the last pictures of a task are in progress. When `signal` aborts, no more pictures start, and incomplete tasks are
 * dropped.
 *
 * @throws the first error of a lane, of a task or of `tasks`
 */
export async function runLanes(options: LanesOptions): Promise<void> {
  const { tasks, lanes, makeRow, onRow, signal } = options;
  const stop = new AbortController();
  const abort = (): void => stop.abort();
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  const aborted = new Promise<void>((resolve) => {
    stop.signal.addEventListener('abort', () => resolve(), { once: true });
    if (stop.signal.aborted) resolve();
  });

  const openTasks = new Set<OpenTask>();
  async function* items(): AsyncGenerator<{ opened: OpenTask; index: number; picture: ManifestPicture }> {
    for await (const task of tasks) {
      const opened: OpenTask = { task, rows: [], left: task.pictures.length, closed: Promise.withResolvers() };
      openTasks.add(opened);
      for (const [index, picture] of task.pictures.entries()) {
        if (stop.signal.aborted) return;
        yield { opened, index, picture };
      }
      // More open tasks if they are small, so that no lane is idle.
      const most = Math.max(minOpenTasks, 1 + Math.ceil(lanes / task.pictures.length));
      while (openTasks.size >= most && !stop.signal.aborted) {
        await Promise.race([aborted, ...[...openTasks].map(({ closed }) => closed.promise)]);
      }
      if (stop.signal.aborted) return;
    }
  }

  const queue = items();
  async function lane(): Promise<void> {
    for (;;) {
      const next = await queue.next();
      if (next.done || stop.signal.aborted) return;
      const { opened, index, picture } = next.value;
      const made = await makeRow(picture, stop.signal);
      opened.rows[index] = made.row;
      opened.left -= 1;
      onRow(made);
      if (opened.left > 0) continue;
      await opened.task.done(opened.rows);
      openTasks.delete(opened);
      opened.closed.resolve();
    }
  }

  let failure: { error: unknown } | undefined;
  await Promise.all(
    Array.from({ length: lanes }, () =>
      lane().catch((error: unknown) => {
        // After an abort, errors are a consequence of it.
        if (!stop.signal.aborted) failure = { error };
        abort();
      }),
    ),
  );
  signal.removeEventListener('abort', abort);
  if (failure !== undefined) throw failure.error;
}
