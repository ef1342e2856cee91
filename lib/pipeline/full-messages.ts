import type { Preprocess } from './preprocess.ts';
import type { TokenPacker } from './token-packer.ts';

/** A packer for a batch of known size, and the watch over the flows that use it. */
export interface FullMessages {
  packer: TokenPacker;
  watch(preprocess: Preprocess): Preprocess;
}

/**
 * Fills messages as far as a batch allows: a picture waits for company until every flow at hand waits. So the packer's
 * own time limit can be long, and a batch still never waits for it.
 */
export function createFullMessages(packer: TokenPacker): FullMessages {
  let running = 0;
  let waiting = 0;

  function flushWhenAllWait(): void {
    // After this tick, in which the other flows of the batch may only be about to start.
    queueMicrotask(() => {
      if (waiting > 0 && waiting === running) packer.flush();
    });
  }

  return {
    packer: {
      flush: packer.flush,
      async add(picture, options) {
        const added = packer.add(picture, options);
        waiting += 1;
        flushWhenAllWait();
        try {
          await added;
        } finally {
          waiting -= 1;
        }
      },
    },
    watch: (preprocess) => async (picture, attempt, signal) => {
      running += 1;
      try {
        await preprocess(picture, attempt, signal);
      } finally {
        running -= 1;
        flushWhenAllWait();
      }
    },
  };
}
