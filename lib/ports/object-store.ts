import { TransientError } from './error.ts';

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
  get(key: string, options?: { ifMatch?: string | undefined; maxBytes?: number | undefined }): Promise<ReadResult>;
  put(key: string, body: Uint8Array, condition?: WriteCondition): Promise<WriteResult>;
  /** Deletes the object if it is there; with a condition, only if it still has this ETag. */
  delete(key: string, condition?: { ifMatch: string }): Promise<void>;
}
