import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { sendEndlessly } from '../support/endless-body.ts';
import { pick, type Random } from './attack.ts';

/** What a hub's answer goes wrong with. */
interface Situation {
  response: ServerResponse;
  /** The body of a sound answer. */
  sound: Buffer;
  /** The URL of another server that sends the sound answers. */
  other: string;
  /** The path that was asked for. */
  path: string;
  random: Random;
}

/** A wrong answer. */
export type Fault = (situation: Situation) => void;

/** Status codes without the answer that belongs to them. */
const statuses = [204, 206, 301, 302, 304, 307, 400, 401, 403, 404, 408, 416, 418, 429, 500, 502, 503, 504];

const chunk = Buffer.alloc(65_536, ' ');

/** Faults of any answer, by name. */
export const anyFaults: Readonly<Record<string, Fault>> = {
  ...Object.fromEntries(statuses.map((status) => [`status ${status}`, respond(status, '')])),
  ...Object.fromEntries([302, 401, 500].map((status) => [`endless body of status ${status}`, endless(status, chunk)])),
  'endless body': endless(200, chunk),
  'endless string': endless(200, Buffer.alloc(65_536, '"a')),
  'slow drip': ({ response, sound }) => {
    let at = 0;
    const timer = setInterval(() => response.write(sound.subarray(at, ++at)), 20);
    response.writeHead(200).on('close', () => clearInterval(timer));
  },
  'no answer': () => {},
  'headers without a body': ({ response, sound }) => {
    response.writeHead(200, { 'content-length': sound.length }).flushHeaders();
  },
  'broken connection': ({ response }) => response.socket?.destroy(),
  'reset connection': ({ response }) => response.socket?.resetAndDestroy(),
  'broken connection in the body': ({ response, sound, random }) => {
    response.writeHead(200, { 'content-length': sound.length });
    response.write(sound.subarray(0, Math.floor(random() * sound.length)), () => response.socket?.destroy());
  },
  'body of another length': ({ response, sound, random }) => {
    response
      .writeHead(200)
      .end(pick(random, [sound.subarray(1), sound.subarray(0, -1), Buffer.concat([sound, sound])]));
  },
  'length that is too large': ({ response, sound }) => {
    response.writeHead(200, { 'content-length': sound.length + 10 }).end(sound);
  },
  'length that is no number': raw((sound) => [`HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n`, sound]),
  'line that is no HTTP': raw((sound) => ['NONSENSE\r\n\r\n', sound]),
  'headers without end': raw(() => ['HTTP/1.1 200 OK\r\n', Buffer.alloc(2_000_000, 'x: y\r\n')]),
  'gzip that unfolds': ({ response }) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(50_000_000))),
  'gzip that is none': ({ response, sound }) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(sound),
  'redirect to itself': ({ response, path }) => response.writeHead(307, { location: path }).end(),
  'redirect to a file': respond(302, '', { location: 'file:///etc/passwd' }),
  'redirect to nonsense': respond(302, '', { location: 'http://[' }),
  'redirect to another machine': respond(302, '', { location: 'http://203.0.113.7/x' }),
  'redirect to another name': respond(302, '', { location: 'http://metadata.invalid/x' }),
  'redirect to another server': ({ response, other, path }) =>
    response.writeHead(307, { location: `${other}${path}` }).end(),
  page: respond(200, '<html>not this</html>'),
};

/** Faults of a file's answer. Wrong bytes are not for a listing, which has no checksum. */
export const fileFaults: Readonly<Record<string, Fault>> = {
  'wrong bytes': ({ response, sound, random }) => {
    const bytes = Buffer.from(sound);
    const at = Math.floor(random() * bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 + Math.floor(random() * 255));
    response.writeHead(200).end(bytes);
  },
  'body of zeros': ({ response, sound }) => response.writeHead(200).end(Buffer.alloc(sound.length)),
  'another range': ({ response, sound }) =>
    response.writeHead(206, { 'content-range': `bytes 5-9/${sound.length}` }).end(sound),
  'range that is none': ({ response, sound }) => response.writeHead(206, { 'content-range': 'all of it' }).end(sound),
  'range of a larger file': ({ response, sound }) =>
    response.writeHead(206, { 'content-range': `bytes 0-${sound.length - 1}/${2 ** 52}` }).end(sound),
  'same part again and again': ({ response, sound, random }) => {
    const part = sound.subarray(0, 1 + Math.floor(random() * (sound.length - 1)));
    response.writeHead(206, { 'content-range': `bytes 0-${part.length - 1}/${sound.length}` }).end(part);
  },
};

type Entry = Record<string, unknown>;

/** Faults of a listing; each changes the entries of a sound one. */
const listings: Readonly<Record<string, (entries: Entry[], random: Random) => unknown>> = {
  'an object': () => ({}),
  null: () => null,
  'null entries': (all) => all.map(() => null),
  'number entries': () => [1, 2],
  nothing: () => [],
  'entries twice': (all) => [...all, ...all],
  'entries in another order': (all) => all.toReversed(),
  folders: set(() => ({ type: 'directory' })),
  'number types': set(() => ({ type: 5 })),
  'paths of numbers': set(() => ({ path: 7 })),
  'paths that leave the folder': set(({ path }) => ({ path: `../../${path}` })),
  'absolute paths': set(({ path }) => ({ path: `/tmp/${path}` })),
  'other names as well': (all) => [...all, { ...all[0], path: '../../../escaped' }, { ...all[0], path: 'evil.py' }],
  'oid of another type': set((_, random) => ({ oid: pick(random, [5, null, true, {}, [], 1e300, undefined]) })),
  'oid that leaves the folder': set(() => ({ oid: '../../../../x'.padEnd(40, '0') })),
  'oid with odd characters': set(() => ({ oid: '\u0000\n\u001b[2J/'.padEnd(40, 'a') })),
  'oid of another file': set(() => ({ oid: 'a'.repeat(40) })),
  'oid without end': set(() => ({ oid: 'a'.repeat(1_000_000) })),
  'lfs of another type': set((_, random) => ({
    lfs: pick(random, [5, 'x', [], true, { oid: 5 }, { oid: '../x', size: 3 }]),
  })),
  'lfs of another file': set(({ size }) => ({ lfs: { oid: 'b'.repeat(64), size, pointerSize: 1 } })),
  'size of another type': set((_, random) => ({ size: pick(random, ['12', null, {}, -1, 1.5, 1e308, undefined]) })),
  'size that is too small': set(({ size }) => ({ size: Number(size) - 1 })),
  'size that is too large': set(({ size }) => ({ size: Number(size) + 1 })),
  'size of nothing': set(() => ({ size: 0 })),
  'size of a disk': set(() => ({ size: 2 ** 50 })),
  'hostile prototypes': (all) =>
    all.map((entry) => JSON.parse(`{"__proto__":{"path":"x"},${JSON.stringify(entry).slice(1)}`)),
};

/** Faults of the listing's answer, by name. */
export const listingFaults: Readonly<Record<string, Fault>> = {
  ...Object.fromEntries(
    Object.entries(listings).map(([name, change]) => [
      `listing: ${name}`,
      ({ response, sound, random }: Situation) =>
        void response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(JSON.stringify(change(JSON.parse(sound.toString()), random))),
    ]),
  ),
  'listing: nothing at all': respond(200, ''),
  'listing: half of one': ({ response, sound }) => response.writeHead(200).end(sound.subarray(0, sound.length / 2)),
  'listing: a million brackets': respond(200, '['.repeat(1_000_000)),
  'listing: a million levels': respond(200, `${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`),
  'listing: two million numbers': respond(200, `[${'0,'.repeat(2_000_000)}0]`),
  'listing: 200 MB': ({ response }) => response.writeHead(200).end(Buffer.alloc(200_000_000, '[0],')),
};

function respond(status: number, body: string, headers: Record<string, string> = {}): Fault {
  return ({ response }) => void response.writeHead(status, headers).end(status === 204 ? undefined : body);
}

function endless(status: number, bytes: Buffer): Fault {
  return ({ response }) => sendEndlessly(response.writeHead(status), bytes);
}

/** Writes bytes below HTTP, then ends the connection. */
function raw(parts: (sound: Buffer) => readonly (string | Buffer)[]): Fault {
  return ({ response, sound }) => {
    for (const part of parts(sound)) response.socket?.write(part);
    response.socket?.end();
  };
}

/** Changes fields of every entry. */
function set(fields: (entry: Entry, random: Random) => Entry): (entries: Entry[], random: Random) => Entry[] {
  return (entries, random) => entries.map((entry) => ({ ...entry, ...fields(entry, random) }));
}
