import { type Outcome, parseOutcome } from '../contracts/outcome.ts';
import { TransientError } from '../ports/error.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { outcomeKey } from './outcome-key.ts';

export type StoreResult =
  /** `outcome` is stored now, under this ETag. */
  | { status: 'stored'; outcome: Outcome; etag: string }
  /** Another version of the picture is current. */
  | { status: 'superseded' }
  /** The picture is gone. */
  | { status: 'gone' };

/** Each further round means that somebody else stored in between, for the same picture; that is rare even once. */
const maxRounds = 5;

/**
 * Stores the one outcome of a picture and model. What is there is never replaced by chance: a first outcome is created
 * with If-None-Match; one of another version is replaced only by that of the input's current ETag, and only as it was
 * read (If-Match). For the same version a result takes the place of a failure, never the other way round.
 *
 * An outcome that is there already is stored again, with a later `created_at` and so with another ETag. For a picture
 * may become another one and then the old one again, while a slow process, which looked at the input in between, is
 * about to put the outcome of that other one in place. It must fail, and it does: every message of the current version
 * ends with a write, so whoever read the store before that write has the wrong ETag, and whoever reads it after sees
 * that the input is another.
 *
 * @throws {TransientError} when others keep storing in between
 */
export async function storeOutcome(
  { input, output }: { input: ObjectStore; output: ObjectStore },
  outcome: Outcome,
): Promise<StoreResult> {
  const key = outcomeKey(outcome.model, outcome.key);
  for (let round = 0; round < maxRounds; round++) {
    const created = await output.put(key, encode(outcome), { ifNoneMatch: '*' });
    if (created.status === 'stored') return { ...created, outcome };

    const there = await output.get(key);
    if (there.status !== 'found') continue;
    const stored = parseOutcome(there.body);
    if (stored?.etag !== outcome.etag) {
      const current = await input.head(outcome.key);
      if (current === undefined) return { status: 'gone' };
      if (current.etag !== outcome.etag) return { status: 'superseded' };
    }
    const next = stored === undefined ? outcome : inPlaceOf(stored, outcome);
    const replaced = await output.put(key, encode(next), { ifMatch: there.object.etag });
    if (replaced.status === 'stored') return { ...replaced, outcome: next };
  }
  throw new TransientError(
    'conflict',
    `Expected to store an outcome in ${maxRounds} rounds, but others stored theirs each time.`,
  );
}

function encode(outcome: Outcome): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(outcome)}\n`);
}

/** What takes the place of `stored`: later than it by its own account, whatever the clocks say. */
function inPlaceOf(stored: Outcome, next: Outcome): Outcome {
  const keeps = stored.etag === next.etag && stored.status === 'succeeded' && next.status === 'failed';
  const time = Math.max(Date.parse(next.created_at), Date.parse(stored.created_at) + 1);
  return { ...(keeps ? stored : next), created_at: new Date(time).toISOString() };
}

/**
 * Deletes the outcome of a picture under a model (its id), if the picture is gone. It may also come back between two
 * steps, and get an outcome again: that one stays, because only the one from before the question is deleted.
 */
export async function removeOutcome(
  { input, output }: { input: ObjectStore; output: ObjectStore },
  model: string,
  key: string,
): Promise<void> {
  const at = outcomeKey(model, key);
  const outcome = await output.head(at);
  if (outcome === undefined || (await input.head(key)) !== undefined) return;
  await output.delete(at, { ifMatch: outcome.etag });
}
