import { TransientError } from './error.ts';

/** A stored object as a listing or a HEAD request shows it. */
export interface StoredObject {
  key: string;
  /** As the store gives it, with or without quotes. Compare it as a whole. */
  etag: string;
  /** Bytes. */
  size: number;
  lastModified: Date;
}

export type ReadResult =
  | { status: 'found'; object: StoredObject; body: Uint8Array }
  | { status: 'not_found' }
  | { status: 'etag_mismatch' }
  /** The object is larger than `maxBytes`, so its body was not read. */
  | { status: 'too_large'; object: StoredObject };

export type WriteResult = { status: 'stored'; etag: string } | { status: 'precondition_failed' };

/** `ifNoneMatch`: create only. `ifMatch`: replace only the object with this ETag. */
export type WriteCondition = { ifNoneMatch: '*' } | { ifMatch: string };

/** A bucket, or a directory used as one. Methods throw {@link TransientError} when a retry may help. */
export interface ObjectStore {
  /** All objects under `prefix`, in UTF-8 byte order of their keys, fetched page by page. */
  list(options?: { prefix?: string | undefined; startAfter?: string | undefined }): AsyncIterable<StoredObject>;
  head(key: string): Promise<StoredObject | undefined>;
  get(key: string, options?: { ifMatch?: string | undefined; maxBytes?: number | undefined }): Promise<ReadResult>;
  /** Without a condition, writes whatever is there. */
  put(key: string, body: Uint8Array, condition?: WriteCondition): Promise<WriteResult>;
  /** Deletes the object if it exists; with a condition, only if it still has this ETag. */
  delete(key: string, condition?: { ifMatch: string }): Promise<void>;
}
