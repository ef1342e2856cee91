import { pMapIterable } from 'p-map';
import { compareKeys } from '../contracts/key-order.ts';
import { hasLongResultKey, inputKeyOf, mayBePicture, resultPrefix, resultSuffix } from '../contracts/keys.ts';
import { type Outcome, parseOutcome } from '../contracts/outcome.ts';
import type { ObjectStore, StoredObject } from '../ports/object-store.ts';
import { outcomeKey } from './outcome-key.ts';

export interface BackfillOptions {
  input: ObjectStore;
  output: ObjectStore;
  /** Model id. */
  model: string;
  /** Only pictures whose keys begin with this. Default: all. */
  prefix?: string | undefined;
  /** Include pictures with a failed outcome. Every outcome is read then (default false). */
  retryFailed?: boolean | undefined;
  /** Read every outcome and compare its ETag instead of modification times (default false). */
  verify?: boolean | undefined;
  /** Returns true for a picture that must be skipped for now. Default: none. */
  defer?: ((picture: StoredObject) => boolean) | undefined;
  /** Called for each picture with a current outcome; with the outcome if it had to be read. */
  onCurrent?: ((key: string, outcome?: Outcome) => void) | undefined;
  /** Called for each outcome of this model and prefix whose picture is not in the listing. The listing waits for it. */
  onOrphan?: ((outcome: StoredObject, key: string) => Promise<void>) | undefined;
  /** Outcomes that are read at once (default 16). */
  lookups?: number | undefined;
}

/** A picture that needs an outcome. */
export interface BackfillPicture {
  key: string;
  /** As listed. */
  etag: string;
  reason: 'missing' | 'stale' | 'damaged' | 'failed';
}

/**
 * Yields every picture without a current outcome of this model, in constant memory: it joins the listings of pictures
 * and outcomes.
 *
 * An outcome that is newer than its picture is current. Any other outcome is read, and is current if it names the
 * picture's ETag. Without this comparison, a picture whose outcome has the same listed time would be processed in every
 * backfill.
 */
export async function* backfill(options: BackfillOptions): AsyncGenerator<BackfillPicture> {
  const { output, model, retryFailed = false, verify = false, defer, onCurrent, lookups = 16 } = options;
  const atOnce = { concurrency: lookups, backpressure: lookups };
  for await (const needed of pMapIterable(joinListings(options), examine, atOnce)) {
    if (needed !== undefined) yield needed;
  }

  async function examine({ picture, outcome }: Joined): Promise<BackfillPicture | undefined> {
    const { key, etag } = picture;
    if (defer?.(picture)) return undefined;
    if (outcome === undefined) return { key, etag, reason: 'missing' };
    if (outcome === 'unlisted' || retryFailed || verify || outcome.lastModified <= picture.lastModified) {
      return readOutcome(picture);
    }
    // A crash of the machine may leave an empty file.
    if (outcome.size === 0) return { key, etag, reason: 'damaged' };
    onCurrent?.(key);
    return undefined;
  }

  async function readOutcome({ key, etag }: StoredObject): Promise<BackfillPicture | undefined> {
    const read = await output.get(outcomeKey(model, key));
    if (read.status !== 'found') return { key, etag, reason: 'missing' };
    const outcome = parseOutcome(read.body);
    if (outcome === undefined) return { key, etag, reason: 'damaged' };
    if (outcome.etag !== etag) return { key, etag, reason: 'stale' };
    if (retryFailed && outcome.status === 'failed') return { key, etag, reason: 'failed' };
    onCurrent?.(key, outcome);
    return undefined;
  }
}

interface Joined {
  picture: StoredObject;
  /** As listed. `unlisted`: its key is too long for the listing, so it must be read. */
  outcome: StoredObject | 'unlisted' | undefined;
}

/** Each picture with its outcome. Reads both listings once, in the order of the outcome keys. */
async function* joinListings({ input, output, model, prefix = '', onOrphan }: BackfillOptions): AsyncGenerator<Joined> {
  const outcomes = output.list({ prefix: resultPrefix(model) + prefix })[Symbol.asyncIterator]();
  let next = await outcomes.next();
  try {
    for await (const picture of inSuffixOrder(input.list({ prefix }), resultSuffix)) {
      if (!mayBePicture(picture)) continue;
      if (hasLongResultKey(model, picture.key)) {
        yield { picture, outcome: 'unlisted' };
        continue;
      }
      const wanted = resultPrefix(model) + picture.key + resultSuffix;
      while (!next.done && compareKeys(next.value.key, wanted) < 0) await skipOrphan(next.value);
      const outcome = !next.done && next.value.key === wanted ? next.value : undefined;
      if (outcome !== undefined) next = await outcomes.next();
      yield { picture, outcome };
    }
    if (onOrphan !== undefined) while (!next.done) await skipOrphan(next.value);
  } finally {
    await outcomes.return?.();
  }

  async function skipOrphan(outcome: StoredObject): Promise<void> {
    const key = inputKeyOf(model, outcome.key);
    // With the prefix `a.j`, the listing also has the outcome of `a`: `a.json`.
    if (key?.startsWith(prefix)) await onOrphan?.(outcome, key);
    next = await outcomes.next();
  }
}

/**
 * Sorts objects that are listed by key by `key + suffix` instead: `a`, `a!`, `a.b` become `a!.json`, `a.b.json`,
 * `a.json`. Two keys swap only if one is a prefix of the other. So a key is held on a stack while the next key begins
 * with it and sorts before it with the suffix. The stack is at most as deep as a key is long.
 */
export async function* inSuffixOrder<T extends { key: string }>(
  objects: AsyncIterable<T>,
  suffix: string,
): AsyncGenerator<T> {
  const held: T[] = [];
  for await (const object of objects) {
    for (let top = held.at(-1); top !== undefined; top = held.at(-1)) {
      if (object.key.startsWith(top.key) && compareKeys(object.key, top.key + suffix) < 0) break;
      held.pop();
      yield top;
    }
    held.push(object);
  }
  yield* held.reverse();
}
