import { type ConsumerOptions, consume } from './consumer.ts';
import { createTurnstile } from './turnstile.ts';

export interface WorkOptions extends Omit<ConsumerOptions, 'concurrency' | 'giveUp' | 'turnstile'> {
  /** Receivers at once. */
  consumers: number;
  /** Messages at hand, all receivers together; each has at least one. */
  prefetch: number;
  /** From the abort of `signal`: what is at hand is finished for so long, then what has not begun is released. */
  drainMs: number;
  /** Aborts what has not begun, at once. */
  giveUp: AbortController;
}

/** Runs several consumers over one queue until `signal` aborts; then finishes or releases what they hold. */
export async function workUntilStopped(options: WorkOptions): Promise<void> {
  const { consumers, prefetch, drainMs, giveUp, clock, signal, ...rest } = options;
  const done = new AbortController();
  const limit = async (): Promise<void> => {
    await clock.sleep(drainMs, done.signal);
    if (!done.signal.aborted) giveUp.abort();
  };
  signal.addEventListener('abort', () => void limit(), { once: true });
  const concurrency = Math.max(Math.floor(prefetch / consumers), 1);
  const turnstile = createTurnstile(clock);
  const consumer = { ...rest, clock, signal, giveUp: giveUp.signal, concurrency, turnstile };
  await Promise.all(Array.from({ length: consumers }, () => consume(consumer)));
  done.abort('done');
}
