import { isMainThread, threadId } from 'node:worker_threads';
import { ImageGptError } from '../../../lib/ports/error.ts';
import { serve } from '../../../lib/runtime/thread-port.ts';

/** How this thread behaves when it starts. */
export type OddStart = 'well' | 'unusable' | 'dies';

/** A task: what to do with `value`. */
export interface OddTask {
  act: 'double' | 'throw' | 'throw-with-code' | 'exit' | 'crash' | 'slow';
  value: number;
}

/** A thread for tests of the pool: it doubles numbers, or fails in every way that a thread can. */
async function open(start: OddStart) {
  if (start === 'unusable') {
    throw new ImageGptError('graph_mismatch', 'Expected another graph.');
  }
  if (start === 'dies') {
    process.exit(1);
  }
  return {
    info: 'odd 1.0',
    execute: async ({ act, value }: OddTask): Promise<{ value: number; thread: number }> => {
      switch (act) {
        case 'throw':
          throw new Error(`no ${value}`);
        case 'throw-with-code':
          throw new ImageGptError('tokens_invalid', `no ${value}`);
        case 'exit':
          return process.exit(1);
        case 'crash':
          setImmediate(() => {
            throw new Error('uncaught');
          });
          await new Promise(() => undefined);
          break;
        case 'slow':
          await new Promise((resolve) => setTimeout(resolve, 50));
          break;
        case 'double':
          break;
      }
      return { value: 2 * value, thread: threadId };
    },
    close: async () => undefined,
  };
}

if (!isMainThread) {
  await serve(open);
}
