import { TransientError } from './error.ts';

export interface QueueMessage {
  body: string;
  /** Names this delivery of the message. Deleting, extending and releasing need it. */
  receipt: string;
  /** 1 on the first delivery. */
  receiveCount: number;
  /** True when another failure sends the message to the dead-letter queue. */
  lastReceive: boolean;
  /** When the message was first sent. */
  sentAt: Date;
}

/** A queue with at-least-once delivery in any order, visibility timeout and dead letters: SQS, or the same in memory. */
export interface Queue {
  /**
   * Resolves when all bodies are accepted. Waits while the queue is full. Rejects with the reason of `signal` if that
   * aborts the wait, and with {@link TransientError} if some bodies were not accepted.
   */
  send(bodies: readonly string[], options?: { signal?: AbortSignal | undefined }): Promise<void>;
  /** Waits up to `waitMs` milliseconds for a first message. Resolves to an empty list at the end, or when `signal` aborts. */
  receive(options: { maxMessages: number; waitMs: number; signal?: AbortSignal | undefined }): Promise<QueueMessage[]>;
  delete(receipts: readonly string[]): Promise<void>;
  /** Hides the messages for another `visibilityMs` milliseconds; 0 releases them at once. */
  changeVisibility(receipts: readonly string[], visibilityMs: number): Promise<void>;
}

/** Destination of events: an SNS topic, or standard output. `E` is the event. */
export interface EventSink<E> {
  publish(events: readonly E[]): Promise<void>;
}
