import { visibilitySeconds, workerVisibilitySeconds } from '../../lib/contracts/delivery.ts';
import type { PipelineEvent } from '../../lib/contracts/event.ts';
import { messageText } from '../../lib/contracts/message-text.ts';
import { createMemoryObjectStore, type MemoryObjectStore } from '../support/memory-object-store.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';
import { noFaults } from './fault-kinds.ts';
import type { Conditions } from './machine.ts';
import type { ThrownPictures } from './simulated-models.ts';
import { bucket } from './simulated-processes.ts';
import { createSimulatedQueue, type SimulatedQueue } from './simulated-queue.ts';

/** What outlives every process: buckets, queues and published events. */
export interface SimulatedWorld {
  conditions: Conditions;
  input: MemoryObjectStore;
  output: MemoryObjectStore;
  uploads: SimulatedQueue;
  backfill: SimulatedQueue;
  tokens: SimulatedQueue;
  published: PipelineEvent[];
  /** Text of every picture version that was ever put, by {@link contentId}. */
  contents: Map<string, string>;
  /** When each key was last changed (milliseconds since the epoch). */
  changedAt: Map<string, number>;
  thrown: ThrownPictures;
}

export function createSimulatedWorld(seed: number, trace?: (line: string) => void): SimulatedWorld {
  const random = seededRandom(seed);
  const clock = createVirtualClock();
  const start = clock.now().getTime();
  const conditions: Conditions = {
    random,
    pick: (items) => items[Math.floor(random() * items.length)]!,
    clock,
    faultsEnded: false,
    maxObjectBytes: Number.POSITIVE_INFINITY,
    unreadableKey: undefined,
    broken: undefined,
    faultCounts: noFaults(),
    pendingEffects: 0,
    trace(what) {
      trace?.(`${((clock.now().getTime() - start) / 1000).toFixed(3).padStart(10)} s  ${what}`);
    },
  };
  return {
    conditions,
    input: createMemoryObjectStore(clock),
    output: createMemoryObjectStore(clock),
    uploads: createSimulatedQueue(conditions, 'uploads', 1000 * visibilitySeconds.uploads),
    backfill: createSimulatedQueue(conditions, 'backfill', 1000 * visibilitySeconds.uploads),
    tokens: createSimulatedQueue(conditions, 'tokens', 1000 * workerVisibilitySeconds),
    published: [],
    contents: new Map(),
    changedAt: new Map(),
    thrown: { decoding: new Set(), predicting: new Set() },
  };
}

export const contentId = (key: string, etag: string): string => `${etag} ${key}`;

/** Puts or deletes a picture; the bucket sends the notification, sometimes minutes later. */
export async function change(world: SimulatedWorld, key: string, text: string | undefined): Promise<void> {
  const { input, conditions, contents, changedAt } = world;
  const { random, clock, faultsEnded } = conditions;
  conditions.trace(text === undefined ? `deleted: ${shortName(key)}` : `put: ${shortName(key)}, ${text}`);
  changedAt.set(key, clock.now().getTime());
  let etag: string | undefined;
  if (text === undefined) await input.delete(key);
  else {
    const put = await input.put(key, new TextEncoder().encode(text));
    if (put.status === 'stored') contents.set(contentId(key, put.etag), text);
    etag = put.status === 'stored' ? put.etag : undefined;
  }
  const event = text === undefined ? 'ObjectRemoved:Delete' : 'ObjectCreated:Put';
  if (faultsEnded || random() < 0.8) return announce(world, event, key, etag);
  conditions.pendingEffects += 1;
  void clock.sleep(random() * 200_000).then(() => {
    conditions.pendingEffects -= 1;
    announce(world, event, key, etag);
  });
}

/** Sends a notification as S3 does: form-encoded key, ETag without quotes. */
export function announce({ uploads }: SimulatedWorld, eventName: string, key: string, etag?: string): void {
  const encoded = encodeURIComponent(key).replaceAll('%20', '+').replaceAll('%2F', '/');
  const object = { key: encoded, eTag: etag?.replaceAll('"', '') };
  const record = { eventSource: 'aws:s3', eventName, s3: { bucket: { name: bucket }, object } };
  uploads.send([messageText({ Records: [record] })]);
}

/** A key, shortened to fit a line. */
export const shortName = (key: string): string => JSON.stringify(key.length > 30 ? `${key.slice(0, 20)}…` : key);
