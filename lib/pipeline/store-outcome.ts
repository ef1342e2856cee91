import { type Outcome, parseOutcome } from '../contracts/outcome.ts';
import { TransientError } from '../ports/error.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { outcomeKey } from './outcome-key.ts';

export type StoreResult =
  /** `outcome` is stored under this ETag. */
  | { status: 'stored'; outcome: Outcome; etag: string }
  /** Another version of the picture is current. */
  | { status: 'superseded' }
  /** The picture is gone. */
  | { status: 'gone' };

/** Each further round means that another process stored an outcome of the same picture in between. Even one is rare. */
const maxRounds = 5;

/**
 * Stores the one outcome of a picture and model, by conditional writes. A first outcome is created with If-None-Match.
 * An outcome of another version is replaced with If-Match, and only by the outcome of the input's current ETag. For the
 * same version a success replaces a failure, never the reverse.
 *
 * An outcome that is stored already is stored again, with a later `created_at` and so with a new ETag. This protects
 * against a slow process: it has read the store while another version was current, and is about to write that
 * version's outcome. Every message of the current version ends with a write. If the slow process read the store before
 * that write, its If-Match fails. If it read the store afterwards, it sees that the input has changed.
 *
 * @throws {TransientError} when other processes store an outcome in every round
 */
export async function storeOutcome(
  { input, output }: { input: ObjectStore; output: ObjectStore },
  outcome: Outcome,
): Promise<StoreResult> {
  const key = outcomeKey(outcome.model, outcome.key);
  for (let round = 0; round < maxRounds; round++) {
    const created = await output.put(key, encode(outcome), { ifNoneMatch: '*' });
    if (created.status === 'stored') return { ...created, outcome };

    const read = await output.get(key);
    if (read.status !== 'found') continue;
    const stored = parseOutcome(read.body);
    if (stored?.etag !== outcome.etag) {
      const current = await input.head(outcome.key);
      if (current === undefined) return { status: 'gone' };
      if (current.etag !== outcome.etag) return { status: 'superseded' };
    }
    const next = stored === undefined ? outcome : successorOf(stored, outcome);
    const replaced = await output.put(key, encode(next), { ifMatch: read.object.etag });
    if (replaced.status === 'stored') return { ...replaced, outcome: next };
  }
  throw new TransientError(
    'conflict',
    `Expected to store an outcome in ${maxRounds} rounds, but other processes stored theirs each time.`,
  );
}

function encode(outcome: Outcome): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(outcome)}\n`);
}

/** The outcome that replaces `stored`. Its `created_at` is later, even if the clocks disagree. */
function successorOf(stored: Outcome, next: Outcome): Outcome {
  const keepStored = stored.etag === next.etag && stored.status === 'succeeded' && next.status === 'failed';
  const time = Math.max(Date.parse(next.created_at), Date.parse(stored.created_at) + 1);
  return { ...(keepStored ? stored : next), created_at: new Date(time).toISOString() };
}

/**
 * Deletes the outcome of a picture under a model (its id) if the picture is gone. The picture may be uploaded again at
 * any moment and get a new outcome. That one stays, because only the outcome that was there before the check is
 * deleted.
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
