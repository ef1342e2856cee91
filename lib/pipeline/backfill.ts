import { compareKeys } from '../contracts/key-order.ts';
import { hasLongResultKey, inputKeyOf, resultPrefix, resultSuffix } from '../contracts/keys.ts';
import { type Outcome, parseOutcome } from '../contracts/outcome.ts';
import type { ObjectStore, StoredObject } from '../ports/object-store.ts';
import { outcomeKey } from './outcome-key.ts';

export interface BackfillOptions {
  input: ObjectStore;
  output: ObjectStore;
  /** Model id. */
  model: string;
  /** Only pictures whose keys begin with this. Default: all. */
  prefix?: string;
  /** Take pictures with a failed outcome too, which means reading every outcome. Default false. */
  retryFailed?: boolean;
  /** Read every outcome, and trust its ETag instead of times. Default false. */
  verify?: boolean;
  /** Leaves out, and tells of, pictures that are not to be looked at yet. Default: none. */
  defer?: (picture: StoredObject) => boolean;
  /** Told of each picture that has a current outcome, and what that says where it had to be read. */
  onCurrent?: (key: string, outcome?: Outcome) => void;
  /** Told of each outcome under this model and prefix whose picture the listing has not; the listing waits for it. */
  onOrphan?: (outcome: StoredObject, key: string) => Promise<void>;
  /** Outcomes that are read at once, when they have to be read. Default 16. */
  lookups?: number;
}

/** A picture that needs an outcome. */
export interface BackfillPicture {
  key: string;
  /** As listed. */
  etag: string;
  reason: 'missing' | 'stale' | 'damaged' | 'failed';
}

/**
 * Yields every picture that has no current outcome under this model: a streaming join of two listings, in constant
 * memory. An outcome that is not newer than its picture is read, and is stale unless it names the picture's ETag; so
 * the ones that were stored within the listing's grain of time are not computed again for ever.
 */
export async function* backfill(options: BackfillOptions): AsyncGenerator<BackfillPicture> {
  const { output, model, retryFailed = false, verify = false, defer, onCurrent, lookups = 16 } = options;
  const checks: Promise<BackfillPicture | undefined>[] = [];

  for await (const { picture, outcome } of joined(options)) {
    if (defer?.(picture)) continue;
    const { key, etag } = picture;
    if (outcome === 'elsewhere') look(picture);
    else if (outcome === undefined) yield { key, etag, reason: 'missing' };
    else if (retryFailed || verify || outcome.lastModified <= picture.lastModified) look(picture);
    // Only a crash of the machine leaves an outcome empty.
    else if (outcome.size === 0) yield { key, etag, reason: 'damaged' };
    else onCurrent?.(key);

    if (checks.length >= lookups) yield* settled(checks.splice(0, 1));
  }
  yield* settled(checks);

  function look(picture: StoredObject): void {
    const checking = check(picture);
    // It is awaited later; until then its rejection must not count as unhandled.
    checking.catch(() => {});
    checks.push(checking);
  }

  /** Reads the outcome of a picture that its times say too little about. */
  async function check({ key, etag }: StoredObject): Promise<BackfillPicture | undefined> {
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

async function* settled(checks: Promise<BackfillPicture | undefined>[]): AsyncGenerator<BackfillPicture> {
  for (const check of checks) {
    const picture = await check;
    if (picture !== undefined) yield picture;
  }
}

interface Joined {
  picture: StoredObject;
  /** As the listing shows it; `elsewhere`: its key is too long for the listing, so it must be looked up. */
  outcome: StoredObject | 'elsewhere' | undefined;
}

/** Each picture with its outcome: both listings are walked once, in the order of the result keys. */
async function* joined({ input, output, model, prefix = '', onOrphan }: BackfillOptions): AsyncGenerator<Joined> {
  const outcomes = output.list({ prefix: resultPrefix(model) + prefix })[Symbol.asyncIterator]();
  let next = await outcomes.next();
  try {
    for await (const picture of inSuffixOrder(input.list({ prefix }), resultSuffix)) {
      if (isFolderMarker(picture)) continue;
      if (hasLongResultKey(model, picture.key)) {
        yield { picture, outcome: 'elsewhere' };
        continue;
      }
      const wanted = resultPrefix(model) + picture.key + resultSuffix;
      while (!next.done && compareKeys(next.value.key, wanted) < 0) await passOver(next.value);
      const outcome = !next.done && next.value.key === wanted ? next.value : undefined;
      if (outcome !== undefined) next = await outcomes.next();
      yield { picture, outcome };
    }
    if (onOrphan !== undefined) while (!next.done) await passOver(next.value);
  } finally {
    await outcomes.return?.();
  }

  /** The outcome of a picture that is gone. */
  async function passOver(outcome: StoredObject): Promise<void> {
    const key = inputKeyOf(model, outcome.key);
    // Under the prefix `a.j` lies the outcome of `a`, too.
    if (key?.startsWith(prefix)) await onOrphan?.(outcome, key);
    next = await outcomes.next();
  }
}

/** What consoles put there to show an empty folder. */
function isFolderMarker({ key, size }: StoredObject): boolean {
  return size === 0 && key.endsWith('/');
}

/**
 * Brings objects that come in the order of their keys into the order of `key + suffix`, which is another one: `a`,
 * `a!`, `a.b` become `a!.json`, `a.b.json`, `a.json`. Two keys change places only when one begins with the other, so
 * a key is held on a stack while the next one begins with it and sorts below it with the suffix. The stack is never
 * deeper than a key is long.
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
