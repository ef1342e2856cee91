import type { JobRow, ManifestPicture } from '../contracts/job.ts';
import type { MadeRow } from './make-row.ts';

/** Pictures whose rows are stored together. */
export interface ShardTask {
  pictures: readonly ManifestPicture[];
  /** Stores the rows, in the order of the pictures. */
  done(rows: JobRow[]): Promise<void>;
}

export interface LanesOptions {
  tasks: AsyncIterable<ShardTask>;
  /** Pictures that are under way at once. */
  lanes: number;
  makeRow: (picture: ManifestPicture, signal: AbortSignal) => Promise<MadeRow>;
  /** A row is made; throws to end everything. */
  onRow: (made: MadeRow) => void;
  signal: AbortSignal;
}

interface OpenTask {
  task: ShardTask;
  rows: JobRow[];
  left: number;
  closed: PromiseWithResolvers<void>;
}

/** One whose rows are made, one that is being stored, and one to spare: what bounds the memory of large tasks. */
const minOpenTasks = 3;

/**
 * Makes the rows of all tasks, so many pictures at once, from one task into the next: nobody waits for the last picture
 * of a task. Begins no more when `signal` aborts; tasks that are not complete by then are dropped.
 *
 * @throws what a lane, a task or `tasks` throws first
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

  const open = new Set<OpenTask>();
  async function* items(): AsyncGenerator<{ open: OpenTask; index: number; picture: ManifestPicture }> {
    for await (const task of tasks) {
      const opened: OpenTask = { task, rows: [], left: task.pictures.length, closed: Promise.withResolvers() };
      open.add(opened);
      for (const [index, picture] of task.pictures.entries()) {
        if (stop.signal.aborted) return;
        yield { open: opened, index, picture };
      }
      // Small tasks must not leave lanes idle.
      const most = Math.max(minOpenTasks, 1 + Math.ceil(lanes / task.pictures.length));
      while (open.size >= most && !stop.signal.aborted) {
        await Promise.race([aborted, ...[...open].map(({ closed }) => closed.promise)]);
      }
      if (stop.signal.aborted) return;
    }
  }

  const queue = items();
  async function lane(): Promise<void> {
    for (;;) {
      const next = await queue.next();
      if (next.done || stop.signal.aborted) return;
      const { open: task, index, picture } = next.value;
      const made = await makeRow(picture, stop.signal);
      task.rows[index] = made.row;
      task.left -= 1;
      onRow(made);
      if (task.left > 0) continue;
      await task.task.done(task.rows);
      open.delete(task);
      task.closed.resolve();
    }
  }

  let failure: { error: unknown } | undefined;
  await Promise.all(
    Array.from({ length: lanes }, () =>
      lane().catch((error: unknown) => {
        // What was given up by the abort says nothing.
        if (!stop.signal.aborted) failure = { error };
        abort();
      }),
    ),
  );
  signal.removeEventListener('abort', abort);
  if (failure !== undefined) throw failure.error;
}
