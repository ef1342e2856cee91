import type { ResultEvent } from '../../lib/contracts/event.ts';
import type { Outcome } from '../../lib/contracts/outcome.ts';
import type { ProofPicture } from './proof-pictures.ts';

/** Everything that the account has for one picture. */
export interface Found {
  /** ETag of the picture in the input bucket; undefined if it is missing. */
  etag: string | undefined;
  outcome: Outcome | undefined;
  events: readonly ResultEvent[];
}

export interface ProofVerdict {
  right: number;
  /** Events beyond the first of each outcome. They are allowed: delivery is at least once. */
  repeatedEvents: number;
  /** One line for each wrong picture. */
  wrong: string[];
}

/** Checks that each picture has the expected outcome for its current version, and an event that agrees with it. */
export function judge(pictures: readonly ProofPicture[], found: ReadonlyMap<string, Found>): ProofVerdict {
  const wrong: string[] = [];
  let repeatedEvents = 0;
  for (const { key, expected } of pictures) {
    const { etag, outcome, events = [] } = found.get(key) ?? { etag: undefined, outcome: undefined };
    const fault = faultOf(expected, etag, outcome, events);
    if (fault !== undefined) wrong.push(`${key}: ${fault}`);
    repeatedEvents += Math.max(events.length - 1, 0);
  }
  return { right: pictures.length - wrong.length, repeatedEvents, wrong };
}

function faultOf(
  expected: ProofPicture['expected'],
  etag: string | undefined,
  outcome: Outcome | undefined,
  events: readonly ResultEvent[],
): string | undefined {
  if (etag === undefined) return 'the picture is not in its bucket';
  if (outcome === undefined) return 'no outcome';
  if (outcome.etag !== etag) return `an outcome of ${outcome.etag}, the picture is ${etag}`;
  const came = outcome.status === 'failed' ? outcome.error.code : outcome.status;
  if (came !== expected) return `expected ${expected}, received ${came}`;
  if (events.length === 0) return 'no event';
  const agrees = events.some((event) => event.etag === etag && event.status === outcome.status);
  return agrees ? undefined : 'no event that agrees with its outcome';
}
