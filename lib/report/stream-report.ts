import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import type { LiveReport } from './live-report.ts';

/** Rows of one event: the page draws 32 rows of 20 KB without a noticeable pause. */
const rowsAtOnce = 32;

/** Least time between two updates of a page (milliseconds). More would not be visible. */
const pauseMs = 200;

/** A keep-alive is sent after this silence (milliseconds). It also reveals a page that is gone. */
const silenceMs = 15_000;

/** How long a page waits before it reconnects (milliseconds). */
const retryMs = 2_000;

export interface StreamOptions {
  /** Id of this server process. Another process counts its revisions from zero. */
  instance: string;
  /** Last event that a reconnecting page received. */
  lastEventId?: string | string[] | undefined;
}

/**
 * Sends a page all the rows that it does not have, until the report ends or the page closes. Nothing is queued: a slow
 * page gets the newest state when it is ready.
 *
 * Events: `rows` (new or changed rows), `state` (totals, progress), `reload` (the page is from an earlier process),
 * `end`.
 */
export async function streamReport(
  live: LiveReport,
  response: ServerResponse,
  { instance, lastEventId }: StreamOptions,
): Promise<void> {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  response.on('error', () => gone.abort());

  async function write(text: string): Promise<void> {
    if (gone.signal.aborted || response.write(text)) return;
    await once(response, 'drain', { signal: gone.signal }).catch(() => {});
  }
  const send = (event: ServerSentEvent): Promise<void> => write(serverSentEvent(event));

  await write(`retry: ${retryMs}\n\n`);
  let revision = 0;
  if (typeof lastEventId === 'string' && lastEventId !== '') {
    const [of, number] = lastEventId.split('.');
    if (of !== instance) {
      await send({ event: 'reload', data: '' });
      response.end();
      return;
    }
    revision = Number(number) || 0;
  }
  while (!gone.signal.aborted) {
    const version = live.version();
    const ended = live.ended();
    for (;;) {
      const next = live.rowsAfter(revision, rowsAtOnce);
      if (next.rows.length === 0 || gone.signal.aborted) break;
      ({ revision } = next);
      await send({ event: 'rows', id: `${instance}.${revision}`, data: JSON.stringify(next.rows) });
    }
    await send({ event: 'state', data: JSON.stringify({ totals: live.totals(), progress: live.progress() }) });
    if (ended) {
      await send({ event: 'end', data: '' });
      response.end();
      return;
    }
    await setTimeout(pauseMs);
    while (live.version() === version && !gone.signal.aborted) {
      await live.changedSince(version, AbortSignal.any([gone.signal, AbortSignal.timeout(silenceMs)]));
      if (live.version() === version) await write(':\n\n');
    }
  }
}

/** An event for a page's EventSource. */
export interface ServerSentEvent {
  /** Name of the event, without line breaks. */
  event: string;
  data: string;
  /** A page that reconnects sends the last id that it received. Without line breaks. */
  id?: string;
}

/** A server-sent event in its wire format (WHATWG HTML, "Server-sent events"). */
export function serverSentEvent({ event, data, id }: ServerSentEvent): string {
  const lines = [
    `event: ${event}`,
    ...(id === undefined ? [] : [`id: ${id}`]),
    // All three kinds of line break end a field.
    ...data.split(/\r\n|\r|\n/).map((line) => `data: ${line}`),
  ];
  return `${lines.join('\n')}\n\n`;
}
