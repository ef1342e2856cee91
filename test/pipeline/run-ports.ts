import type { PipelineEvent } from '../../lib/contracts/event.ts';
import { type Outcome, parseOutcome } from '../../lib/contracts/outcome.ts';
import { createMemoryQueue } from '../../lib/local/memory-queue.ts';
import { outcomeKey } from '../../lib/pipeline/outcome-key.ts';
import type { RunOptions } from '../../lib/pipeline/run-pipeline.ts';
import type { PictureDecoder } from '../../lib/ports/picture-decoder.ts';
import { createFakeDecoder, createFakeModel, fakePreprocessing } from '../support/fake-model.ts';
import { createMemoryObjectStore } from '../support/memory-object-store.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

/** All ports of a run, in memory; `published` are the events so far. */
export function createRunPorts() {
  const clock = createVirtualClock();
  const published: PipelineEvent[] = [];
  const input = createMemoryObjectStore(clock);
  const output = createMemoryObjectStore(clock);
  const options = (): RunOptions => ({
    input,
    output,
    uploads: createMemoryQueue({ clock, capacity: 16 }),
    tokens: createMemoryQueue({ clock, capacity: 2 }),
    events: { publish: async (events) => void published.push(...events) },
    decoder: createFakeDecoder(),
    model: createFakeModel(),
    preprocessing: fakePreprocessing,
    clock,
  });
  return {
    clock,
    input,
    output,
    published,
    /** Options with new, empty queues, as in a new process. */
    options,
    async put(key: string, text: string): Promise<void> {
      await input.put(key, new TextEncoder().encode(text));
    },
    outcome(key: string, model = 'fake-1'): Outcome | undefined {
      const stored = output.objects.get(outcomeKey(model, key));
      return stored === undefined ? undefined : parseOutcome(stored.body);
    },
  };
}

/** The fake decoder, which awaits `before` before each picture. */
export function decoderWith(before: (text: string) => Promise<void>): PictureDecoder {
  const { decode } = createFakeDecoder();
  return {
    async decode(bytes) {
      await before(new TextDecoder().decode(bytes));
      return decode(bytes);
    },
  };
}
