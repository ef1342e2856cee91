import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import type { LiveReport } from './live-report.ts';

/** Rows of one event: 32 of 20 KB are drawn before anybody waits. */
const ROWS_AT_ONCE = 32;

/** A page is told so often at most, milliseconds: the eye needs no more. */
const PAUSE_MS = 200;

/** Silence after which a page is told that we are there, and we notice that it is not, milliseconds. */
const SILENCE_MS = 15_000;

/** When a page comes back after its connection broke, milliseconds. */
const RETRY_MS = 2_000;

export interface StreamOptions {
  /** Names this run of the server: another one counts its revisions anew. */
  instance: string;
  /** What a page that comes back heard last. */
  lastEventId?: string | string[] | undefined;
}

/**
 * Tells a page of everything that it does not have, until the report ends or the page goes. Nothing is queued: a slow
 * page gets the newest state when it is ready for it.
 *
 * Events: `rows` (rows new or changed), `state` (totals, progress), `reload` (the page is of another run), `end`.
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
  const tell = (event: ServerSentEvent): Promise<void> => write(serverSentEvent(event));

  await write(`retry: ${RETRY_MS}\n\n`);
  let revision = 0;
  if (typeof lastEventId === 'string' && lastEventId !== '') {
    const [of, number] = lastEventId.split('.');
    if (of !== instance) {
      await tell({ event: 'reload', data: '' });
      response.end();
      return;
    }
    revision = Number(number) || 0;
  }
  while (!gone.signal.aborted) {
    const version = live.version();
    const ended = live.ended();
    for (;;) {
      const next = live.rowsAfter(revision, ROWS_AT_ONCE);
      if (next.rows.length === 0 || gone.signal.aborted) break;
      ({ revision } = next);
      await tell({ event: 'rows', id: `${instance}.${revision}`, data: JSON.stringify(next.rows) });
    }
    await tell({ event: 'state', data: JSON.stringify({ totals: live.totals(), progress: live.progress() }) });
    if (ended) {
      await tell({ event: 'end', data: '' });
      response.end();
      return;
    }
    await setTimeout(PAUSE_MS);
    while (live.version() === version && !gone.signal.aborted) {
      await live.changedSince(version, AbortSignal.any([gone.signal, AbortSignal.timeout(SILENCE_MS)]));
      if (live.version() === version) await write(':\n\n');
    }
  }
}

/** What a page's EventSource hears. */
export interface ServerSentEvent {
  /** Name of the event, without line breaks. */
  event: string;
  data: string;
  /** What a page that comes back names as the last that it heard; without line breaks. */
  id?: string;
}

/** A server-sent event as it goes over the wire (WHATWG HTML, "Server-sent events"). */
export function serverSentEvent({ event, data, id }: ServerSentEvent): string {
  const lines = [
    `event: ${event}`,
    ...(id === undefined ? [] : [`id: ${id}`]),
    // Each of the three line breaks ends a field.
    ...data.split(/\r\n|\r|\n/).map((line) => `data: ${line}`),
  ];
  return `${lines.join('\n')}\n\n`;
}
