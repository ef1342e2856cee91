import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { systemClock as clock } from '../../lib/local/system-clock.ts';

/** Period of asking the emulator for messages during a long poll (milliseconds). */
const pollMs = 300;

const receive = z.looseObject({ WaitTimeSeconds: z.number().default(0) });
const received = z.object({ Messages: z.array(z.unknown()).default([]) });

/**
 * Forwards HTTP requests to the emulator. It makes a long poll from short ones, which end when the caller is gone: moto
 * would go on with the long poll of a stopped worker, and give it messages, which nobody sees until their visibility
 * timeout ends.
 */
export function emulatorProxy(endpoint: string): Server {
  return createServer((incoming, outgoing) => {
    const polls = incoming.headers['x-amz-target'] === 'AmazonSQS.ReceiveMessage';
    const answered = polls ? longPoll(endpoint, incoming, outgoing) : pass(endpoint, incoming, outgoing);
    answered.catch(() => outgoing.destroy());
  });
}

async function pass(endpoint: string, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const { method, url: path, headers } = incoming;
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const onward = request(endpoint, { method, path, headers }, resolve).on('error', reject);
  incoming.pipe(onward);
  outgoing.on('close', () => onward.destroy());
  const answer = await promise;
  outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
  answer.pipe(outgoing);
}

async function longPoll(endpoint: string, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const body = receive.parse(JSON.parse(await text(incoming)));
  const end = performance.now() + body.WaitTimeSeconds * 1000;
  const once = JSON.stringify({ ...body, WaitTimeSeconds: 0 });
  while (!outgoing.destroyed) {
    const answer = await fetch(endpoint, { method: 'POST', headers: essential(incoming.headers), body: once });
    const found = await answer.text();
    if (!answer.ok || performance.now() >= end || received.parse(JSON.parse(found)).Messages.length > 0) {
      outgoing.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' }).end(found);
      return;
    }
    await clock.sleep(pollMs);
  }
}

/** Headers that the emulator needs to answer; the others describe the body that was sent. */
function essential(headers: IncomingHttpHeaders): Record<string, string> {
  const names = ['content-type', 'x-amz-target', 'authorization'] as const;
  return Object.fromEntries(names.map((name) => [name, String(headers[name])]));
}
