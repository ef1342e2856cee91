import type { Queue } from '../pipeline/ports.ts';

/**
 * A queue whose readers are woken after each send. When that fails the messages are in the queue all the same, and the
 * next send wakes again: so the error is only told.
 */
export function wakeOnSend(queue: Queue, wake: () => Promise<void>, onError: (error: unknown) => void): Queue {
  return {
    ...queue,
    async send(bodies, options) {
      await queue.send(bodies, options);
      await wake().catch(onError);
    },
  };
}
