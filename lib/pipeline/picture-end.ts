import type { FailureCode } from '../contracts/failure.ts';
import type { QueueMessage } from './ports.ts';
import type { Stages } from './stages.ts';

/** How the processing of one picture ended. Told when everything is done that its message must wait for. */
export type PictureEnd =
  | { end: 'succeeded'; key: string }
  | { end: 'failed'; key: string; code: FailureCode }
  /** The picture is gone (or is the marker of a folder): there is nothing to say about it. */
  | { end: 'gone'; key: string }
  /** Another version is current: that one has, or will get, a message of its own. */
  | { end: 'superseded'; key: string };

/** Watches the flows from outside. */
export interface FlowObserver {
  stages: Stages;
  /** A tokens message has come, with so many pictures. */
  received?(message: QueueMessage, pictures: number): void;
  /** A picture may end more than once: messages are delivered at least once. */
  ended(end: PictureEnd): void;
  /** True when the picture is known to have ended, event and all: a message that comes again may pass over it. Default: never. */
  hasEnded?(key: string): boolean;
  /** The error behind a failed outcome whose own message can't say it, because the picture is not to blame. */
  caught(key: string, error: unknown): void;
}
