import type { PipelineEvent } from '../contracts/event.ts';
import { openDropFolder } from '../local/drop-folder.ts';
import type { Progress } from '../pipeline/run-pipeline.ts';
import { UsageError } from '../ports/error.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { EventSink } from '../ports/queue.ts';
import { createLiveReport } from './live-report.ts';
import { createLiveRows } from './live-rows.ts';
import { reportRows, type ViewPicture } from './outcome-rows.ts';
import { viewKey } from './read-report.ts';
import { reportPage } from './report-page.ts';
import type { PictureViews, ReportAbout } from './report-row.ts';
import { ListenError, openReportServer } from './report-server.ts';

export interface ServeReportOptions {
  port: number;
  /** Real path of the pictures. */
  directory: string;
  /** Where dropped pictures are kept, for people. */
  dropsTo: string;
  input: ObjectStore;
  output: ObjectStore;
  about: ReportAbout;
  lookAt: ViewPicture;
  /** Pictures looked at at once. */
  concurrency: number;
  /** Largest picture that may be dropped, bytes. */
  maxBytes: number;
  /** Where events go besides. */
  events: EventSink<PipelineEvent>;
  onError: (error: unknown) => void;
}

/** A live report of a run. */
export interface ServedReport extends AsyncDisposable {
  url: string;
  /** Hears what the run tells, and passes it on. */
  events: EventSink<PipelineEvent>;
  onProgress: (progress: Progress) => void;
  /** Keys of pictures that were dropped on the page. */
  dropped: AsyncIterable<string>;
  /** Waits until everything that was told is shown, and says goodbye to the pages. */
  end(): Promise<void>;
  /** What the pages have to look at, by `lookKey`. */
  looks(): Map<string, PictureViews>;
}

/**
 * Serves the report while the run works: first what earlier runs left, then each outcome as it comes. A picture that is
 * deleted meanwhile stays on the page.
 *
 * @throws UsageError when the port cannot be had
 */
export async function serveReport(options: ServeReportOptions): Promise<ServedReport> {
  const { port, directory, dropsTo, input, output, about, lookAt, concurrency, maxBytes, events, onError } = options;
  const live = createLiveReport();
  const drops = openDropFolder(directory);
  const dropped = createKeyStream();
  const server = await openReportServer({
    ...{ port, live, maxBytes },
    page: () => reportPage(noRows(), about, { live: { maxBytes, folder: dropsTo } }),
    async drop(name, body) {
      const key = await drops.add(name, body);
      dropped.add(key);
      return key;
    },
  }).catch((error: unknown) => {
    throw error instanceof ListenError ? portError(port, error) : error;
  });
  const rows = createLiveRows({ live, output, lookAt, concurrency, onError, isAwaited: dropped.has });
  const stop = new AbortController();
  const scanned = showEarlier().catch(onError);

  async function showEarlier(): Promise<void> {
    for await (const row of reportRows({ input, output, model: about.model, concurrency, lookAt })) {
      if (stop.signal.aborted) return;
      // What an event told is newer.
      if (!live.has(row.key)) live.put(row);
    }
  }

  let closing: Promise<void> | undefined;
  async function close(): Promise<void> {
    stop.abort();
    await Promise.all([scanned, rows.idle()]);
    live.end();
    await server.close();
  }
  function end(): Promise<void> {
    closing ??= close();
    return closing;
  }

  return {
    url: server.url,
    events: {
      async publish(batch) {
        await events.publish(batch);
        for (const event of batch) if (event.type === 'result') rows.add(event);
      },
    },
    onProgress({ succeeded, failed, skipped, pending, total }) {
      const done = succeeded + failed + skipped;
      // What comes after the count makes it larger.
      live.setProgress({ done, total: total === undefined ? null : Math.max(total, done + pending) });
    },
    dropped,
    end,
    looks: () =>
      new Map(live.rows().flatMap(({ key, etag, look }) => (look && etag ? [[viewKey(key, etag), look]] : []))),
    [Symbol.asyncDispose]: end,
  };
}

/** The page gets its rows as everything else, by events: what it has embedded would be old when it comes back. */
async function* noRows(): AsyncGenerator<never> {}

/** Keys as they come, and which have come. */
function createKeyStream(): AsyncIterable<string> & { add(key: string): void; has(key: string): boolean } {
  const known = new Set<string>();
  const waiting: string[] = [];
  let wake = Promise.withResolvers<void>();
  return {
    add(key) {
      known.add(key);
      waiting.push(key);
      wake.resolve();
    },
    has: (key) => known.has(key),
    async *[Symbol.asyncIterator]() {
      for (;;) {
        yield* waiting.splice(0);
        if (waiting.length === 0) await wake.promise;
        wake = Promise.withResolvers();
      }
    },
  };
}

function portError(port: number, cause: ListenError): UsageError {
  const why =
    cause.code === 'EADDRINUSE'
      ? 'another program listens there'
      : cause.code === 'EACCES'
        ? 'this user may not listen there'
        : `the system said ${cause.code}`;
  return new UsageError(`--serve: expected port ${port} to be free, but ${why}; choose another one, or 0 for any`, {
    cause,
  });
}
