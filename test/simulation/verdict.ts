import { eventOf } from '../../lib/contracts/event.ts';
import { type Outcome, parseOutcome } from '../../lib/contracts/outcome.ts';
import { outcomeKey } from '../../lib/pipeline/outcome-key.ts';
import type { Deployment } from './deployment.ts';
import { canFailWith, isPoison, simulatedModels, untrueClaim } from './simulated-models.ts';
import { contentId, type SimulatedWorld, shortName } from './simulated-world.ts';

// What must hold when all queues are empty. Poison pictures have no outcome; they are in the dead-letter queues.

/** Why a picture lacks its outcome or its event under this model; undefined if it has both. */
function problemUnder(
  world: SimulatedWorld,
  deployment: Deployment,
  { key, etag }: Picture,
  model: string,
): string | undefined {
  const resultKey = outcomeKey(model, key);
  const file = world.output.objects.get(resultKey);
  const outcome = file === undefined ? undefined : parseOutcome(file.body);
  const events = world.published
    .filter((event) => event.type === 'result')
    .filter((event) => event.key === key && event.etag === etag);
  if (file === undefined) return 'no outcome';
  // Two processes can hold the same message. One deletes it, then the other tears the stored outcome, and no message is
  // left to repair it. S3 stores an object whole or not at all; elsewhere `igpt backfill --verify` finds it.
  if (outcome === undefined)
    return world.conditions.faultCounts.torn_write > 0 && events.some((event) => event.result_key === resultKey)
      ? undefined
      : 'torn';
  if (outcome.etag !== etag) return 'the outcome of another version';
  if (events.some((event) => event.result_key === resultKey && event.status === outcome.status)) return undefined;
  // A process stored this outcome and failed before it published the event. Then the message went to a process with
  // another model, which published its own event: a later deployment, or a process that is about to be replaced. A
  // later backfill or rollback finds this outcome and counts it as done. A late effect can store it even afterwards.
  const stored = file.object.lastModified.getTime();
  const others = simulatedModels.filter(
    ({ model: { id } }) => id !== model && events.some((event) => event.model === id),
  );
  const mayLackEvent =
    world.conditions.faultCounts.late_effect > 0 || others.some((other) => deployment.aliveAt(other, stored));
  return others.length > 0 && mayLackEvent ? undefined : 'no event';
}

interface Picture {
  key: string;
  etag: string;
}

function picturesExcept(world: SimulatedWorld, except: ReadonlySet<string>): Picture[] {
  return [...world.input.objects.values()]
    .filter(({ object, body }) => !except.has(object.key) && !isPoison(new TextDecoder().decode(body)))
    .map(({ object }) => object);
}

/** Pictures without an outcome under any model that was deployed since they were put, `except` these keys. */
export function lostPictures(world: SimulatedWorld, deployment: Deployment, except: ReadonlySet<string>): string[] {
  return picturesExcept(world, except).flatMap((picture) => {
    const since = world.changedAt.get(picture.key) ?? 0;
    const problems = simulatedModels
      .filter((model) => deployment.aliveAt(model, since))
      .map(({ model: { id } }) => ({ id, why: problemUnder(world, deployment, picture, id) }));
    if (problems.some(({ why }) => why === undefined)) return [];
    return [`${shortName(picture.key)} is lost: ${problems.map(({ id, why }) => `${id}: ${why}`).join(', ')}`];
  });
}

/** Pictures without an outcome and its event under the deployed model, `except` these keys. */
export function problemsUnderCurrentModel(
  world: SimulatedWorld,
  deployment: Deployment,
  except: ReadonlySet<string>,
): string[] {
  const { model } = deployment.current();
  return picturesExcept(world, except).flatMap((picture) => {
    const why = problemUnder(world, deployment, picture, model.id);
    return why === undefined ? [] : [`${shortName(picture.key)}: ${why}`];
  });
}

/** Outcomes and events, of any model and time, that claim something untrue. */
export function falseRecords(world: SimulatedWorld): string[] {
  const wrong: string[] = [];
  const outcomes = new Map<string, Outcome>();
  for (const [resultKey, { body }] of world.output.objects) {
    const outcome = parseOutcome(body);
    // A torn write of a process that died then.
    if (outcome === undefined) continue;
    const { key, etag, model } = outcome;
    const text = world.contents.get(contentId(key, etag));
    if (resultKey !== outcomeKey(model, key)) wrong.push(`${shortName(key)}: stored at ${resultKey}`);
    const claim =
      text === undefined ? 'an outcome of a version that never existed' : untrueClaim(outcome, text, world.thrown);
    if (claim !== undefined) wrong.push(`${shortName(key)}: ${claim}`);
    outcomes.set(resultKey, outcome);
  }
  for (const event of world.published) {
    if (event.type !== 'result') continue;
    const { key, etag, status } = event;
    const text = world.contents.get(contentId(key, etag));
    const word = text?.split(' ')[0];
    const isTrue = status === 'succeeded' ? word === 'good' : canFailWith(event.error.code, text ?? '', world.thrown);
    if (text === undefined || !isTrue) wrong.push(`${shortName(key)}: an untrue event`);
    const outcome = outcomes.get(event.result_key);
    if (outcome?.etag !== etag || outcome.status !== status) continue;
    // The same version and status: both must be equal. Failures are left out, because their text counts the attempts.
    const expected = eventOf(outcome, event.result_key);
    if (expected.status === 'succeeded' && JSON.stringify(expected) !== JSON.stringify(event))
      wrong.push(`${shortName(key)}: an event that differs from its outcome`);
  }
  return wrong;
}

/** Outcomes under this model whose pictures do not exist. */
export function orphanedOutcomes({ input, output }: SimulatedWorld, model: string): string[] {
  const expected = new Set([...input.objects.keys()].map((key) => outcomeKey(model, key)));
  return [...output.objects.keys()]
    .filter((resultKey) => resultKey.split('/')[1] === model && !expected.has(resultKey))
    .map((resultKey) => `an outcome without a picture: ${resultKey.slice(0, 60)}`);
}
