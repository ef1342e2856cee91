import type { BatchRow } from '../contracts/batch.ts';
import type { FailureCode } from '../contracts/failure.ts';
import type { FeatureNorm, Objective, Preprocessing } from '../image-gpt/config.ts';
import { ImageGptError } from '../image-gpt/error.ts';

/** A stored object as a listing or a HEAD shows it. */
export interface StoredObject {
  key: string;
  /** Quoted or not, as the store gives it; compared as a whole. */
  etag: string;
  /** Bytes. */
  size: number;
  lastModified: Date;
}

export type ReadResult =
  | { status: 'found'; object: StoredObject; body: Uint8Array }
  | { status: 'not_found' }
  | { status: 'etag_mismatch' }
  /** The object is larger than `maxBytes`; its body was not read. */
  | { status: 'too_large'; object: StoredObject };

export type WriteResult = { status: 'stored'; etag: string } | { status: 'precondition_failed' };

/** Create only if nothing is there, or replace only what has this ETag. Neither: write whatever is there. */
export type WriteCondition = { ifNoneMatch: '*' } | { ifMatch: string };

/** A bucket, or a directory that stands for one. Methods throw {@link TransientError} for what a retry may cure. */
export interface ObjectStore {
  /** All objects under `prefix`, in UTF-8 byte order of their keys, read page by page. */
  list(options?: { prefix?: string; startAfter?: string }): AsyncIterable<StoredObject>;
  head(key: string): Promise<StoredObject | undefined>;
  get(key: string, options?: { ifMatch?: string; maxBytes?: number }): Promise<ReadResult>;
  put(key: string, body: Uint8Array, condition?: WriteCondition): Promise<WriteResult>;
  /** Deletes the object if it is there; with a condition, only if it still has this ETag. */
  delete(key: string, condition?: { ifMatch: string }): Promise<void>;
}

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
  send(bodies: readonly string[], options?: { signal?: AbortSignal }): Promise<void>;
  /** Waits up to `waitMs` for a first message; resolves with none when the time is over or `signal` aborts. */
  receive(options: { maxMessages: number; waitMs: number; signal?: AbortSignal }): Promise<QueueMessage[]>;
  delete(receipts: readonly string[]): Promise<void>;
  /** Keeps the messages hidden for another `visibilityMs`; 0 releases them at once. */
  changeVisibility(receipts: readonly string[], visibilityMs: number): Promise<void>;
}

/** Where result events go: an SNS topic, or standard output. `E` is the event. */
export interface EventSink<E> {
  publish(events: readonly E[]): Promise<void>;
}

export interface Clock {
  now(): Date;
  /** Resolves after `ms`, or at once when `signal` aborts; never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** A picture at the model's input resolution, before the palette. */
export interface DecodedPicture {
  /** Name of the file format as sharp gives it: jpeg, png, webp, gif, tiff, avif, svg … */
  format: string;
  /** Size of the whole picture after EXIF orientation, pixels. */
  width: number;
  height: number;
  /** Resized and cropped by the recipe, [height, width, 3] in raster order. */
  rgb: Uint8Array;
}

/** Turns untrusted bytes into pixels. Throws {@link PictureError} for what is wrong with the picture. */
export interface PictureDecoder {
  decode(bytes: Uint8Array): Promise<DecodedPicture>;
}

export type OutputName = 'classification' | 'features' | 'likelihood';

/** What the model saw in one picture; an output that was not asked for is absent. */
export interface Prediction {
  /** Class logits [C], before softmax. */
  classLogits?: Float32Array;
  /** Pooled features [d] (several layers: concatenated). */
  features?: Float32Array;
  /** Nats per token, mean over n. */
  nats?: number;
  /** Nats of each token [n], in raster order: where `nats` comes from, for those who draw it. */
  natsOfTokens?: Float32Array;
}

/** A loaded iGPT. */
export interface Model {
  /** `<name>-<hash>`: the hash covers the weights, probe, palette and every option that changes a result. */
  readonly id: string;
  readonly objective: Objective;
  /** Tokens in a picture, n. */
  readonly tokens: number;
  readonly preprocessing: Preprocessing;
  readonly outputs: readonly OutputName[];
  readonly featureLayer: number;
  readonly featureNorm: FeatureNorm;
  readonly labels: readonly string[];
  /** How the numbers were made, for the record. */
  readonly provider: string;
  readonly precision: string;
  readonly onnxruntime: string;
  /** Predicts one picture; batching happens inside. `tokens` is [n] in raster order, without SOS. */
  predict(tokens: Uint16Array): Promise<Prediction>;
  close(): Promise<void>;
}

/** Facts that a shard carries beside its rows, by name. */
export type ShardFacts = Readonly<Record<string, string>>;

/** A shard whose rows can be read. */
export interface OpenShard {
  facts: ShardFacts;
  rows: number;
  /** Rows of each piece that is best read at once, in order. */
  groups: readonly number[];
  /** The rows from `start` to before `end`; columns that are not named are null. `key` is always there. */
  read(options?: { columns?: readonly (keyof BatchRow)[]; start?: number; end?: number }): Promise<BatchRow[]>;
}

/** How the rows of a batch job become a file. */
export interface ShardFormat {
  /** The same rows and facts give the same bytes. */
  write(rows: readonly BatchRow[], facts: ShardFacts): Promise<Uint8Array>;
  /** Throws, here or when reading, for what is no whole shard. */
  open(bytes: Uint8Array): OpenShard;
}

/** Something is wrong with the picture itself: it becomes a failed outcome, never a retry. */
export class PictureError extends ImageGptError {
  declare readonly code: FailureCode;

  constructor(code: FailureCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

/** The world failed, not the picture: throttling, a broken connection, a conflict. A retry may succeed. */
export class TransientError extends ImageGptError {}
