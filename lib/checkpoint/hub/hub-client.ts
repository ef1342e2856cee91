import type { z } from 'zod';
import { excessOf, maxJsonBytes } from '../bounded-json.ts';
import { firstIssue } from '../json-file.ts';
import type { HubSettings } from './hub-settings.ts';

/** How to reach the hub. */
export type HubAccess = Partial<Pick<HubSettings, 'hubUrl' | 'accessToken'>> & {
  /** How long the hub may take for an answer, or a download for the next 64 KiB (milliseconds; default 60,000). */
  timeoutMs?: number | undefined;
};

/** The hub answered with another status than asked for. The body of such an answer is not read. */
export class HubStatusError extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`status ${status}`);
    this.status = status;
  }
}

const defaultTimeout = 60_000;

/** A download that brings less than this in the time limit has stalled (bytes). That is 1 kB/s. */
export const leastProgress = 65_536;

/** The address of `path` on the hub. */
export function hubAddress({ hubUrl = 'https://huggingface.co' }: HubAccess, path: string): string {
  return `${hubUrl}/${path}`;
}

/**
 * Posts JSON and reads the JSON of the answer, of at most 10 MB.
 *
 * @throws Error with a reason of a few words; HubStatusError for another status than 200
 */
export async function postJson<T>(path: string, body: unknown, schema: z.ZodType<T>, access: HubAccess): Promise<T> {
  const timer = timeLimit(access);
  try {
    const response = await send(path, access, timer.signal, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify(body),
    });
    const stream = await bodyOf(response, [200]);
    const parsed = schema.safeParse(parseJson(await readText(stream)));
    if (parsed.success) return parsed.data;
    throw new Error(`its answer is not as expected: ${firstIssue(parsed.error)}`);
  } finally {
    timer.stop();
  }
}

/** A file as it arrives: the position of its first byte in the whole, and its bytes. */
export interface Download {
  /** What was asked for, or 0 if the server sends the whole file. */
  start: number;
  chunks: AsyncGenerator<Uint8Array>;
}

/**
 * Gets a file from byte `start` on, by plain HTTP with a range: that works on every mirror of the hub, unlike its Xet
 * protocol. `use` reads it to its end.
 *
 * @throws Error with a reason of a few words; HubStatusError for another status than 200 or 206
 */
export async function getFile(
  path: string,
  start: number,
  access: HubAccess,
  use: (download: Download) => Promise<void>,
): Promise<void> {
  const timer = timeLimit(access);
  try {
    // A range is of the bytes on the wire, so they must not be compressed.
    const headers = { 'accept-encoding': 'identity', ...(start > 0 && { range: `bytes=${start}-` }) };
    const response = await send(path, access, timer.signal, { headers });
    const stream = await bodyOf(response, [200, 206]);
    const first =
      response.status === 200 ? 0 : Number(/^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1]);
    if (first !== 0 && first !== start) throw new Error(`it sent another range than asked for`);
    await use({ start: first, chunks: watched(stream, timer) });
  } finally {
    timer.stop();
  }
}

async function* watched(stream: AsyncIterable<Uint8Array>, timer: TimeLimit): AsyncGenerator<Uint8Array> {
  let arrived = 0;
  for await (const chunk of stream) {
    arrived += chunk.length;
    if (arrived >= leastProgress) {
      timer.restart();
      arrived = 0;
    }
    yield chunk;
  }
}

interface TimeLimit {
  signal: AbortSignal;
  restart(): void;
  stop(): void;
}

function timeLimit({ timeoutMs = defaultTimeout }: HubAccess): TimeLimit {
  const controller = new AbortController();
  const abort = () => controller.abort(new Error(`it was too slow: over ${timeoutMs / 1000} s`));
  let timer = setTimeout(abort, timeoutMs);
  return {
    signal: controller.signal,
    restart() {
      clearTimeout(timer);
      timer = setTimeout(abort, timeoutMs);
    },
    stop() {
      clearTimeout(timer);
      // Ends the connection of an answer that was not read to its end.
      controller.abort();
    },
  };
}

async function send(path: string, access: HubAccess, signal: AbortSignal, init: RequestInit): Promise<Response> {
  const { accessToken } = access;
  const headers = new Headers(init.headers);
  // On a redirect to another host, fetch drops the token.
  if (accessToken !== undefined) headers.set('authorization', `Bearer ${accessToken}`);
  return fetch(hubAddress(access, path), { ...init, headers, signal });
}

/** @throws HubStatusError, also for a status without a body */
async function bodyOf(response: Response, expected: readonly number[]): Promise<AsyncIterable<Uint8Array>> {
  if (!expected.includes(response.status)) throw new HubStatusError(response.status);
  if (response.body === null) throw new Error('its answer is empty');
  return response.body;
}

async function readText(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes > maxJsonBytes) throw new Error(`its answer has more than ${maxJsonBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseJson(text: string): unknown {
  const excess = excessOf(text);
  if (excess !== undefined) throw new Error(`its answer has ${excess}`);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error('its answer is not JSON', { cause });
  }
}
