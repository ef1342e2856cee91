import type { PipelineEvent } from '../../lib/contracts/event.ts';
import { messageText } from '../../lib/contracts/message-text.ts';
import { createMemoryObjectStore, type MemoryObjectStore } from '../support/memory-object-store.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';
import { noFaults } from './fault-kinds.ts';
import type { Chance } from './machine.ts';
import type { Broken } from './simulated-models.ts';
import { bucket } from './simulated-processes.ts';
import { createSimulatedQueue, type SimulatedQueue } from './simulated-queue.ts';

/** What outlives every process. */
export interface SimulatedWorld {
  chance: Chance;
  input: MemoryObjectStore;
  output: MemoryObjectStore;
  uploads: SimulatedQueue;
  backfill: SimulatedQueue;
  tokens: SimulatedQueue;
  published: PipelineEvent[];
  /** Every content that was ever uploaded, by key and ETag. */
  contents: Map<string, string>;
  /** When each key was changed last (milliseconds since the epoch). */
  changedAt: Map<string, number>;
  /** Pictures whose decoding or prediction threw an error. */
  broken: Broken;
}

/** Visibility timeout of the uploads queues (milliseconds): six times the function's time limit, as in the template. */
const uploadsVisibilityMs = 720_000;
const tokensVisibilityMs = 60_000;

export function createSimulatedWorld(seed: number, trace?: (line: string) => void): SimulatedWorld {
  const random = seededRandom(seed);
  const clock = createVirtualClock();
  const start = clock.now().getTime();
  const chance: Chance = {
    random,
    pick: (items) => items[Math.floor(random() * items.length)]!,
    clock,
    calm: false,
    roomFor: Number.POSITIVE_INFINITY,
    unreadable: undefined,
    counts: noFaults(),
    late: 0,
    trace(what) {
      trace?.(`${((clock.now().getTime() - start) / 1000).toFixed(3).padStart(10)} s  ${what}`);
    },
  };
  return {
    chance,
    input: createMemoryObjectStore(clock),
    output: createMemoryObjectStore(clock),
    uploads: createSimulatedQueue(chance, 'uploads', uploadsVisibilityMs),
    backfill: createSimulatedQueue(chance, 'backfill', uploadsVisibilityMs),
    tokens: createSimulatedQueue(chance, 'tokens', tokensVisibilityMs),
    published: [],
    contents: new Map(),
    changedAt: new Map(),
    broken: { decoding: new Set(), predicting: new Set() },
  };
}

export const contentOf = (key: string, etag: string): string => `${etag} ${key}`;

/** Uploads or deletes a picture. The bucket sends a notification, sometimes minutes later. */
export async function change(world: SimulatedWorld, key: string, text: string | undefined): Promise<void> {
  const { input, chance, contents, changedAt } = world;
  const { random, clock, calm } = chance;
  chance.trace(text === undefined ? `deleted: ${name(key)}` : `put: ${name(key)}, ${text}`);
  changedAt.set(key, clock.now().getTime());
  let etag: string | undefined;
  if (text === undefined) await input.delete(key);
  else {
    const put = await input.put(key, new TextEncoder().encode(text));
    if (put.status === 'stored') contents.set(contentOf(key, put.etag), text);
    etag = put.status === 'stored' ? put.etag : undefined;
  }
  const event = text === undefined ? 'ObjectRemoved:Delete' : 'ObjectCreated:Put';
  if (calm || random() < 0.8) return announce(world, event, key, etag);
  chance.late += 1;
  void clock.sleep(random() * 200_000).then(() => {
    chance.late -= 1;
    announce(world, event, key, etag);
  });
}

/** A notification of S3: form-encoded key, ETag without quotes. */
export function announce({ uploads }: SimulatedWorld, eventName: string, key: string, etag?: string): void {
  const encoded = encodeURIComponent(key).replaceAll('%20', '+').replaceAll('%2F', '/');
  const object = { key: encoded, ...(etag === undefined ? {} : { eTag: etag.replaceAll('"', '') }) };
  const record = { eventSource: 'aws:s3', eventName, s3: { bucket: { name: bucket }, object } };
  uploads.send([messageText({ Records: [record] })]);
}

/** A key, shortened for a line of text. */
export const name = (key: string): string => JSON.stringify(key.length > 30 ? `${key.slice(0, 20)}…` : key);
