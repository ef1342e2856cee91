import { z } from 'zod';
import { messageText } from '../../lib/contracts/message-text.ts';
import { decodeFormKey, s3Notification } from '../../lib/contracts/s3-notification.ts';
import { tokensMessage } from '../../lib/contracts/tokens-message.ts';
import { uploadsMessage } from '../../lib/contracts/uploads-message.ts';
import { backfill } from '../../lib/pipeline/backfill.ts';
import { createDeployment } from './deployment.ts';
import type { FaultCounts } from './fault-kinds.ts';
import { hostileMessages, isHostile } from './hostile-messages.ts';
import { longestMs, recordFault } from './machine.ts';
import { killerPicture, type SimulatedModel, simulatedModels } from './simulated-models.ts';
import { announce, change, createSimulatedWorld, shortName } from './simulated-world.ts';
import { falseRecords, lostPictures, orphanedOutcomes, problemsUnderCurrentModel } from './verdict.ts';

export interface ScheduleResult {
  /** Problems found; empty if all is well. */
  wrong: string[];
  faults: FaultCounts;
  /** Simulated time (milliseconds). */
  elapsedMs: number;
}

/** Number of actions of users, operators and the environment in one schedule. */
const actions = 14;

/** Longest pause between two actions (milliseconds): short, so that several overlap in the same processes. */
const pauseMs = 40_000;

/** Bytes that hold the failed outcome of a short key, but no succeeded outcome and nothing of the longest key. */
const smallObjectBytes = 400;

/** Keys that are hard to encode, to sort or to store. */
const keys = ['a b+c.jpg', 'a!', 'a/b.jpg', `${'k'.repeat(1000)}\u{1f408}`];

/**
 * Plays one schedule over the processes as they are deployed. First, pictures are put, changed and deleted, models are
 * deployed, backfills run, and 5 % of the calls fail. Then the faults end: a picture without an outcome must be in a
 * dead-letter queue. The dead letters are sent again, and in the end no picture may be lost, wrong or stuck.
 *
 * Until the dead letters are sent again, large objects cannot be written if the seed ends in 3, no decoder or no model
 * starts if it ends in 5, and one picture cannot be read if it ends in 7.
 */
export async function playSchedule(seed: number, trace?: (line: string) => void): Promise<ScheduleResult> {
  const world = createSimulatedWorld(seed, trace);
  const { conditions } = world;
  const { random, clock } = conditions;
  if (seed % 10 === 3) conditions.maxObjectBytes = smallObjectBytes;
  if (seed % 10 === 5) conditions.broken = seed % 20 === 5 ? 'decoder' : 'model';
  if (seed % 10 === 7) conditions.unreadableKey = keys[Math.floor(seed / 10) % keys.length];
  const started = clock.now().getTime();
  const [a, b, c] = simulatedModels;
  const deployment = createDeployment(world, a);
  const history: SimulatedModel[] = [a];
  const poisoned = random() < 0.1 ? conditions.pick(keys) : undefined;

  for (let i = 0; i < actions; i++) {
    await act(conditions.pick(keys), random());
    await clock.sleep(random() * pauseMs);
  }
  conditions.faultsEnded = true;
  conditions.trace('the faults end');
  await deployment.settled();
  // Calls that began before may still fail.
  await clock.sleep(longestMs);

  const wrong: string[] = [];
  /** Pictures that may share a message with poison. */
  const besidePoison = new Set<string>();
  const deadLetters = await settle();
  for (const { body, withoutFault } of deadLetters) {
    if (withoutFault && !isHostile(body)) wrong.push(`a dead letter without a fault: ${body.slice(0, 200)}`);
  }
  // A picture without an outcome is in the dead letters, and every outcome is true.
  const deadKeys = new Set(deadLetters.flatMap(({ body }) => keysIn(body)));
  wrong.push(...lostPictures(world, deployment, deadKeys), ...falseRecords(world));
  conditions.maxObjectBytes = Number.POSITIVE_INFINITY;
  conditions.unreadableKey = undefined;
  conditions.broken = undefined;
  // Sent again, every message gets through except hostile messages and poison.
  sendAgain(deadLetters.map(({ body }) => body));
  await settleWithoutFaults();
  wrong.push(...lostPictures(world, deployment, besidePoison));
  // An earlier model, a late effect or half an outcome may leave outcomes behind that no process removes.
  if (history.length === 1 && conditions.faultCounts.late_effect + conditions.faultCounts.torn_write === 0)
    wrong.push(...orphanedOutcomes(world, a.model.id));

  // Under the current model, outcomes may be missing for pictures that came under another model.
  await runBackfill(deployment.current(), history.length > 1 || random() < 0.5);
  await settleWithoutFaults();
  wrong.push(...problemsUnderCurrentModel(world, deployment, besidePoison), ...falseRecords(world));

  // Without faults, deleting a picture leaves nothing behind.
  for (const key of keys) await change(world, key, undefined);
  await settle();
  wrong.push(...orphanedOutcomes(world, deployment.current().model.id));
  if (!(await deployment.stop())) wrong.push('a process that does not stop');
  const elapsedMs = clock.now().getTime() - started;
  clock.stop();
  return { wrong, faults: conditions.faultCounts, elapsedMs };

  async function act(key: string, choice: number): Promise<void> {
    if (choice < 0.45) {
      if (world.input.objects.has(key)) recordFault(conditions, 'overwrite', shortName(key));
      await change(world, key, picture(key));
    } else if (choice < 0.55) {
      recordFault(conditions, 'delete', shortName(key));
      await change(world, key, undefined);
    } else if (choice < 0.65) {
      recordFault(conditions, 'stray_notification', shortName(key));
      const etag = conditions.pick(['"00000000000000000000000000000000"', world.input.objects.get(key)?.object.etag]);
      announce(world, conditions.pick(['ObjectCreated:Put', 'ObjectRemoved:Delete']), key, etag);
    } else if (choice < 0.7) {
      recordFault(conditions, 'hostile_message', '');
      conditions.pick([world.uploads, world.backfill, world.tokens]).send([conditions.pick(hostileMessages)(key)]);
    } else if (choice < 0.78) {
      const machine = conditions.pick(deployment.machines());
      recordFault(conditions, 'clock_jump', '');
      machine.jump((random() - 0.5) * 600_000);
    } else if (choice < 0.86) {
      const next = conditions.pick([a, b, c].filter((model) => model !== deployment.current()));
      recordFault(conditions, 'model_change', next.model.id);
      history.push(next);
      deployment.deploy(next);
    } else if (choice < 0.92) {
      const before = history.at(-2);
      if (before === undefined) return;
      recordFault(conditions, 'rollback', before.model.id);
      history.push(before);
      deployment.deploy(before);
    } else {
      recordFault(conditions, 'backfill', '');
      void runBackfill(deployment.current(), random() < 0.5);
    }
  }

  function picture(key: string): string {
    if (key === poisoned && random() < 0.5) {
      recordFault(conditions, 'poison', shortName(key));
      return conditions.pick(['poison 0', killerPicture]);
    }
    return `${conditions.pick(['good', 'good', 'good', 'bad', 'crash'])} ${Math.floor(random() * 3)}`;
  }

  /** Does what `igpt backfill` does: sends references to pictures without a current outcome to the backfill queue. */
  async function runBackfill({ model }: SimulatedModel, verify: boolean): Promise<void> {
    const { input, output } = world;
    for await (const { key, etag } of backfill({ input, output, model: model.id, verify })) {
      conditions.trace(`backfill refers to ${shortName(key)}`);
      world.backfill.send([messageText({ schema_version: 1, type: 'reference', key, etag })]);
      if (!conditions.faultsEnded) await clock.sleep(random() * 10_000);
    }
  }

  /** Waits until all queues are empty, and takes the dead letters. */
  async function settle() {
    const { uploads, backfill, tokens } = world;
    const queues = [uploads, backfill, tokens];
    for (let minute = 0; conditions.pendingEffects > 0 || queues.some((queue) => queue.size() > 0); minute++) {
      if (minute > 24 * 60) {
        wrong.push('stuck');
        break;
      }
      await clock.sleep(60_000);
    }
    return queues.flatMap((queue) => queue.takeDeadLetters());
  }

  /**
   * Waits until all queues are empty. Only poison may be dead-lettered now, and messages between two poison messages
   * until they are sent without them. Pictures inside a poison message may lie between two poison pictures too.
   */
  async function settleWithoutFaults(): Promise<void> {
    const bodies = (await settle()).map(({ body }) => body);
    const poison = bodies.filter(poisonIn);
    let others = bodies.filter((body) => !poisonIn(body));
    if (poison.length > 1) {
      for (const key of poison.flatMap(keysIn)) besidePoison.add(key);
      sendAgain(others);
      others = (await settle()).map(({ body }) => body);
    }
    wrong.push(...others.map((body) => `a dead letter after the faults ended: ${body.slice(0, 200)}`));
  }

  function sendAgain(bodies: readonly string[]): void {
    for (const body of bodies) {
      if (!isHostile(body)) (body.includes('"tokens"') ? world.tokens : world.uploads).send([body]);
    }
  }

  function poisonIn(body: string): boolean {
    return poisoned !== undefined && keysIn(body).includes(poisoned);
  }
}

/** Keys of the pictures that a message names. */
function keysIn(body: string): string[] {
  if (isHostile(body)) return [];
  const message = z.union([tokensMessage, uploadsMessage, s3Notification]).parse(JSON.parse(body));
  if ('pictures' in message) return message.pictures.map(({ key }) => key);
  if ('Records' in message) return message.Records.map(({ s3 }) => decodeFormKey(s3.object.key) ?? '');
  return [message.key];
}
