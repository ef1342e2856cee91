import { TransientError } from './error.ts';

export interface QueueMessage {
  body: string;
  /** Names this delivery of the message: needed to delete, extend or release it. */
  receipt: string;
  /** 1 on the first delivery. */
  receiveCount: number;
  /** True when another failure would send the message to the dead letters. */
  lastReceive: boolean;
  /** When it was sent first. */
  sentAt: Date;
}

/** At-least-once, unordered, with visibility timeout and dead letters: SQS, or the same in memory. */
export interface Queue {
  /**
   * Resolves when every body is accepted, waiting while the queue is full (rejects with the reason of `signal` when
   * that aborts the wait); throws {@link TransientError} when some were not accepted.
   */
  send(bodies: readonly string[], options?: { signal?: AbortSignal | undefined }): Promise<void>;
  /** Waits up to `waitMs` for a first message; resolves with none when the time is over or `signal` aborts. */
  receive(options: { maxMessages: number; waitMs: number; signal?: AbortSignal | undefined }): Promise<QueueMessage[]>;
  delete(receipts: readonly string[]): Promise<void>;
  /** Keeps the messages hidden for another `visibilityMs`; 0 releases them at once. */
  changeVisibility(receipts: readonly string[], visibilityMs: number): Promise<void>;
}

/** Where result events go: an SNS topic, or standard output. `E` is the event. */
export interface EventSink<E> {
  publish(events: readonly E[]): Promise<void>;
}
