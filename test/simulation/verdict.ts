import { eventOf } from '../../lib/contracts/event.ts';
import { type Outcome, parseOutcome } from '../../lib/contracts/outcome.ts';
import { outcomeKey } from '../../lib/pipeline/outcome-key.ts';
import type { Deployment } from './deployment.ts';
import { isHonest, isPoison, simulatedModels, untruth } from './simulated-models.ts';
import { contentOf, name, type SimulatedWorld } from './simulated-world.ts';

// What must hold when all queues are empty. Poison has no outcome and is dead-lettered.

/** Why a picture lacks its outcome or event under this model; undefined if it has both. */
function fault(
  world: SimulatedWorld,
  deployment: Deployment,
  { key, etag }: Picture,
  model: string,
): string | undefined {
  const at = outcomeKey(model, key);
  const file = world.output.objects.get(at);
  const outcome = file === undefined ? undefined : parseOutcome(file.body);
  const results = world.published.filter((event) => event.type === 'result');
  const told = results.filter((event) => event.key === key && event.etag === etag);
  if (file === undefined) return 'no outcome';
  // Two processes may handle a message at once. One may finish, and then a torn write of the other may damage the
  // outcome, with no message left to repair it. S3 has no torn writes; elsewhere `igpt backfill --verify` finds it.
  if (outcome === undefined)
    return world.chance.counts.torn_write > 0 && told.some((event) => event.result_key === at) ? undefined : 'torn';
  if (outcome.etag !== etag) return 'the outcome of another version';
  if (told.some((event) => event.result_key === at && event.status === outcome.status)) return undefined;
  // The process that stored it may have failed before it published the event. Then the message was delivered to a
  // process with another model, which published its own event. That process belongs to a later deployment, or is about
  // to be replaced. A backfill or rollback later finds the stored outcome, and takes it for published. A late effect
  // may also store an outcome after everything else.
  const stored = file.object.lastModified.getTime();
  const others = simulatedModels.filter(
    ({ model: { id } }) => id !== model && told.some((event) => event.model === id),
  );
  const untold = world.chance.counts.late_effect > 0 || others.some((other) => deployment.aliveAt(other, stored));
  return others.length > 0 && untold ? undefined : 'no event';
}

interface Picture {
  key: string;
  etag: string;
}

function pictures(world: SimulatedWorld, but: ReadonlySet<string>): Picture[] {
  return [...world.input.objects.values()]
    .filter(({ object, body }) => !but.has(object.key) && !isPoison(new TextDecoder().decode(body)))
    .map(({ object }) => object);
}

/** Pictures without an outcome under any model that was deployed since the upload, except `but`. */
export function lost(world: SimulatedWorld, deployment: Deployment, but: ReadonlySet<string>): string[] {
  return pictures(world, but).flatMap((picture) => {
    const since = world.changedAt.get(picture.key) ?? 0;
    const faults = simulatedModels
      .filter((model) => deployment.aliveAt(model, since))
      .map(({ model: { id } }) => ({ id, why: fault(world, deployment, picture, id) }));
    if (faults.some(({ why }) => why === undefined)) return [];
    return [`${name(picture.key)} is lost: ${faults.map(({ id, why }) => `${id}: ${why}`).join(', ')}`];
  });
}

/** Pictures without outcome or event under the deployed model, except `but`. */
export function currentFaults(world: SimulatedWorld, deployment: Deployment, but: ReadonlySet<string>): string[] {
  const { model } = deployment.current();
  return pictures(world, but).flatMap((picture) => {
    const why = fault(world, deployment, picture, model.id);
    return why === undefined ? [] : [`${name(picture.key)}: ${why}`];
  });
}

/** Outcomes and events of any model that were never true. */
export function lies(world: SimulatedWorld): string[] {
  const wrong: string[] = [];
  const outcomes = new Map<string, Outcome>();
  for (const [at, { body }] of world.output.objects) {
    const outcome = parseOutcome(body);
    // A torn write of a process that ended.
    if (outcome === undefined) continue;
    const { key, etag, model } = outcome;
    const text = world.contents.get(contentOf(key, etag));
    if (at !== outcomeKey(model, key)) wrong.push(`${name(key)}: stored at ${at}`);
    if (text === undefined) wrong.push(`${name(key)}: the outcome of a content that was never uploaded`);
    else
      wrong.push(
        ...[untruth(outcome, text, world.broken)]
          .filter((lie) => lie !== undefined)
          .map((lie) => `${name(key)}: ${lie}`),
      );
    outcomes.set(at, outcome);
  }
  for (const event of world.published) {
    if (event.type !== 'result') continue;
    const { key, etag, status } = event;
    const text = world.contents.get(contentOf(key, etag));
    const word = text?.split(' ')[0];
    const honest = status === 'succeeded' ? word === 'good' : isHonest(event.error.code, text ?? '', world.broken);
    if (text === undefined || !honest) wrong.push(`${name(key)}: an untrue event`);
    const outcome = outcomes.get(event.result_key);
    if (outcome?.etag !== etag || outcome.status !== status) continue;
    // Same version and status, so the same event, except for the number of attempts in a failure.
    const told = eventOf(outcome, event.result_key);
    if (told.status === 'succeeded' && JSON.stringify(told) !== JSON.stringify(event))
      wrong.push(`${name(key)}: an event that differs from its outcome`);
  }
  return wrong;
}

/** Outcomes of this model without a picture. */
export function leftovers({ input, output }: SimulatedWorld, model: string): string[] {
  const wanted = new Set([...input.objects.keys()].map((key) => outcomeKey(model, key)));
  return [...output.objects.keys()]
    .filter((at) => at.split('/')[1] === model && !wanted.has(at))
    .map((at) => `an outcome without a picture: ${at.slice(0, 60)}`);
}
