import { resultKey } from '../contracts/keys.ts';
import { type Outcome, outcome as outcomeContract } from '../contracts/outcome.ts';
import { type ObjectStore, TransientError } from './ports.ts';
import { sha256 } from './sha256.ts';

export type StoreResult =
  /** The outcome was stored. */
  | { status: 'stored' }
  /** This version has an outcome already, `outcome`: an earlier delivery stored it. */
  | { status: 'already_there'; outcome: Outcome }
  /** Another version of the picture is current. */
  | { status: 'superseded' }
  /** The picture is gone. */
  | { status: 'gone' };

/** Each further round means that somebody else stored in between, for the same picture; that is rare even once. */
const maxRounds = 5;

/**
 * Stores the one outcome of a picture and model. What is there is never replaced by chance: a first outcome is created
 * with If-None-Match; one of another version is replaced only by that of the input's current ETag, and only as it was
 * read (If-Match). For the same version the first outcome stays, but a failed one gives way to a result and to another
 * failure: it was retried.
 *
 * @throws {TransientError} when others keep storing in between
 */
export async function storeOutcome(
  { input, output }: { input: ObjectStore; output: ObjectStore },
  outcome: Outcome,
): Promise<StoreResult> {
  const key = resultKey(outcome.model, outcome.key, sha256);
  const body = new TextEncoder().encode(`${JSON.stringify(outcome)}\n`);
  for (let round = 0; round < maxRounds; round++) {
    const created = await output.put(key, body, { ifNoneMatch: '*' });
    if (created.status === 'stored') return { status: 'stored' };

    const there = await output.get(key);
    if (there.status !== 'found') continue;
    const stored = parseOutcome(there.body);
    if (stored?.etag === outcome.etag) {
      if (!givesWay(stored, outcome)) return { status: 'already_there', outcome: stored };
    } else {
      const current = await input.head(outcome.key);
      if (current === undefined) return { status: 'gone' };
      if (current.etag !== outcome.etag) return { status: 'superseded' };
    }
    const replaced = await output.put(key, body, { ifMatch: there.object.etag });
    if (replaced.status === 'stored') return { status: 'stored' };
  }
  throw new TransientError(
    'conflict',
    `Expected to store an outcome in ${maxRounds} rounds, but others stored theirs each time.`,
  );
}

/** The outcome of a result file; undefined when it is not one (damaged, or written by another version of ours). */
export function parseOutcome(body: Uint8Array): Outcome | undefined {
  try {
    return outcomeContract.safeParse(JSON.parse(new TextDecoder().decode(body))).data;
  } catch {
    return undefined;
  }
}

function givesWay(stored: Outcome, next: Outcome): boolean {
  return stored.status === 'failed' && (next.status === 'succeeded' || next.error.code !== stored.error.code);
}
