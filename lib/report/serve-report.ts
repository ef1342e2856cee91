import type { PipelineEvent, ResultEvent } from '../contracts/event.ts';
import { parseOutcome } from '../contracts/outcome.ts';
import { openDropFolder } from '../local/drop-folder.ts';
import type { Progress } from '../pipeline/run-pipeline.ts';
import { UsageError } from '../ports/error.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { EventSink } from '../ports/queue.ts';
import { createLiveReport, type LiveReport } from './live-report.ts';
import { reportRow, reportRows, type ViewsOf } from './outcome-rows.ts';
import { viewKey } from './read-report.ts';
import { reportPage } from './report-page.ts';
import type { PictureViews, ReportAbout } from './report-row.ts';
import { ListenError, openReportServer } from './report-server.ts';

export interface ServeReportOptions {
  port: number;
  /** Real path of the pictures. */
  directory: string;
  /** Folder of the dropped pictures, as the user knows it. */
  dropFolder: string;
  input: ObjectStore;
  output: ObjectStore;
  about: ReportAbout;
  viewsOf: ViewsOf;
  /** Rows made at once. */
  concurrency: number;
  /** Largest picture that may be dropped (bytes). */
  maxBytes: number;
  /** Receives the events too. */
  events: EventSink<PipelineEvent>;
  onError: (error: unknown) => void;
}

/** A live report of a run. */
export interface ServedReport extends AsyncDisposable {
  url: string;
  /** Shows the run's events on the page and passes them on. */
  events: EventSink<PipelineEvent>;
  onProgress: (progress: Progress) => void;
  /** Keys of pictures that were dropped on the page. */
  dropped: AsyncIterable<string>;
  /** Waits until every event is shown, then ends the pages and the server. */
  end(): Promise<void>;
  /** The views that the pages show, by {@link viewKey}. */
  views(): Map<string, PictureViews>;
}

/**
 * Serves the report during a run: first the outcomes of earlier runs, then each new outcome. A picture that is deleted
 * meanwhile stays on the page.
 *
 * @throws UsageError when the server cannot listen on the port
 */
export async function serveReport(options: ServeReportOptions): Promise<ServedReport> {
  const { port, directory, dropFolder, input, output, about, viewsOf, concurrency, maxBytes, events, onError } =
    options;
  const live = createLiveReport();
  const drops = openDropFolder(directory);
  const dropped = createKeyStream();
  const server = await openReportServer({
    port,
    live,
    maxBytes,
    page: () => reportPage(noRows(), about, { live: { maxBytes, folder: dropFolder } }),
    async drop(name, body) {
      const key = await drops.add(name, body);
      dropped.add(key);
      return key;
    },
  }).catch((error: unknown) => {
    throw error instanceof ListenError ? portError(port, error) : error;
  });
  const rows = createLiveRows({ live, output, viewsOf, concurrency, onError, isAwaited: dropped.has });
  const stop = new AbortController();
  const scanned = showEarlier().catch(onError);

  async function showEarlier(): Promise<void> {
    for await (const row of reportRows({ input, output, model: about.model, concurrency, viewsOf })) {
      if (stop.signal.aborted) return;
      // The row of an event is newer.
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
      async publish(published) {
        await events.publish(published);
        for (const event of published) if (event.type === 'result') rows.add(event);
      },
    },
    onProgress({ succeeded, failed, skipped, pending, total }) {
      const done = succeeded + failed + skipped;
      // Pictures that come after the count increase the total.
      live.setProgress({ done, total: total === undefined ? null : Math.max(total, done + pending) });
    },
    dropped,
    end,
    views: () =>
      new Map(
        live.rows().flatMap(({ key, etag, look: views }) => (views && etag ? [[viewKey(key, etag), views]] : [])),
      ),
    [Symbol.asyncDispose]: end,
  };
}

/** A live page has no embedded rows, which would be outdated after a reload: it gets its rows by events. */
async function* noRows(): AsyncGenerator<never> {}

/** Streams added keys, and knows which were added. */
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
      ? 'another program uses it'
      : cause.code === 'EACCES'
        ? 'this user may not use it'
        : `the system reported ${cause.code}`;
  return new UsageError(`--serve: expected port ${port} to be free, but ${why}; choose another port, or 0 for any`, {
    cause,
  });
}

interface LiveRowsOptions {
  live: LiveReport;
  output: ObjectStore;
  viewsOf: ViewsOf;
  /** Whether a user waits for this picture. Such pictures come first and are always listed. */
  isAwaited: (key: string) => boolean;
  /** Rows made at once. */
  concurrency: number;
  /** A row could not be made and is left out. */
  onError: (error: unknown) => void;
}

interface LiveRows {
  add(event: ResultEvent): void;
  /** Resolves when all rows are made. */
  idle(): Promise<void>;
}

/** Turns the events of a run into rows of a live report, in the background: the run does not wait for them. */
function createLiveRows(options: LiveRowsOptions): LiveRows {
  const { live, output, viewsOf, isAwaited, concurrency, onError } = options;
  const waiting: ResultEvent[] = [];
  /** The last event of each picture in progress. Rows of earlier events are dropped. */
  const newest = new Map<string, ResultEvent>();
  const lanes = new Set<Promise<void>>();

  async function work(): Promise<void> {
    for (let event = waiting.shift(); event !== undefined; event = waiting.shift()) {
      await show(event).catch(onError);
      if (newest.get(event.key) === event) newest.delete(event.key);
    }
  }

  async function show(event: ResultEvent): Promise<void> {
    const { key, etag, result_key } = event;
    const stored = await output.get(result_key);
    const outcome = stored.status === 'found' ? parseOutcome(stored.body) : undefined;
    if (outcome?.etag !== etag) return;
    const always = isAwaited(key);
    const shown = outcome.status === 'succeeded' && (always || live.hasRoom(key));
    const row = reportRow(outcome, shown ? await viewsOf({ key, etag }) : null);
    if (newest.get(key) === event) live.put(row, { always });
  }

  return {
    add(event) {
      newest.set(event.key, event);
      if (isAwaited(event.key)) waiting.unshift(event);
      else waiting.push(event);
      if (lanes.size >= concurrency) return;
      const lane = work().finally(() => lanes.delete(lane));
      lanes.add(lane);
    },
    async idle() {
      while (lanes.size > 0) await Promise.all(lanes);
    },
  };
}
