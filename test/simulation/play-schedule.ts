import { z } from 'zod';
import { messageText } from '../../lib/contracts/message-text.ts';
import { decodeFormKey, s3Notification } from '../../lib/contracts/s3-notification.ts';
import { tokensMessage } from '../../lib/contracts/tokens-message.ts';
import { uploadsMessage } from '../../lib/contracts/uploads-message.ts';
import { backfill } from '../../lib/pipeline/backfill.ts';
import { createDeployment } from './deployment.ts';
import type { FaultCounts } from './fault-kinds.ts';
import { hostileMessages, isHostile } from './hostile-messages.ts';
import { hit, longestMs } from './machine.ts';
import { killerPicture, type SimulatedModel, simulatedModels } from './simulated-models.ts';
import { announce, change, createSimulatedWorld, name } from './simulated-world.ts';
import { currentFaults, leftovers, lies, lost } from './verdict.ts';

export interface Played {
  /** What is wrong at the end; empty if the flows are correct. */
  wrong: string[];
  faults: FaultCounts;
  /** Simulated time (milliseconds). */
  elapsedMs: number;
}

/** Actions of users, operators and bad luck in one schedule. */
const actions = 14;

/** Longest pause between two actions (milliseconds). Short, so that several actions overlap. */
const pauseMs = 40_000;

/** Size limit of a full disk (bytes). A failed outcome of a short key fits; a success, or the longest key, does not. */
const smallFiles = 400;

/** Keys that are hard to encode or to order, or very long. */
const keys = ['a b+c.jpg', 'a!', 'a/b.jpg', `${'k'.repeat(1000)}\u{1f408}`];

/**
 * Plays one schedule over the processes as they are deployed.
 *
 * First, pictures are uploaded, changed and deleted, models are deployed, backfills run, and 5 % of the calls fail. If
 * the seed ends in 3, the disk is full; if it ends in 7, one picture cannot be read. Then the faults end. Now every
 * picture without an outcome must be in a dead-letter queue. The dead letters are sent again, and in the end nothing
 * may be lost, wrong or stuck.
 */
export async function playSchedule(seed: number, trace?: (line: string) => void): Promise<Played> {
  const world = createSimulatedWorld(seed, trace);
  const { chance } = world;
  const { random, clock } = chance;
  if (seed % 10 === 3) chance.roomFor = smallFiles;
  if (seed % 10 === 7) chance.unreadable = keys[Math.floor(seed / 10) % keys.length];
  const started = clock.now().getTime();
  const [a, b, c] = simulatedModels;
  const deployment = createDeployment(world, a);
  const history: SimulatedModel[] = [a];
  const poisoned = random() < 0.1 ? chance.pick(keys) : undefined;

  for (let i = 0; i < actions; i++) {
    await act(chance.pick(keys), random());
    await clock.sleep(random() * pauseMs);
  }
  chance.calm = true;
  chance.trace('the faults end');
  await deployment.settled();
  // Calls that failed before may still be in progress.
  await clock.sleep(longestMs);

  const wrong: string[] = [];
  /** Pictures that may lie between two poisonous ones of a message. */
  const beside = new Set<string>();
  const dead = await settle();
  for (const { body, unjust } of dead) {
    if (unjust && !isHostile(body)) wrong.push(`a dead letter without a fault: ${body.slice(0, 200)}`);
  }
  // Every picture has an outcome or is dead-lettered, and every outcome is true.
  wrong.push(...lost(world, deployment, new Set(dead.flatMap(({ body }) => keysIn(body)))), ...lies(world));
  chance.roomFor = Number.POSITIVE_INFINITY;
  chance.unreadable = undefined;
  // After a resend, only invalid messages and poison may remain.
  sendAgain(dead.map(({ body }) => body));
  await settleInCalm();
  wrong.push(...lost(world, deployment, beside));
  // An outcome may remain without a picture only after a model change, a late effect or a torn write.
  if (history.length === 1 && chance.counts.late_effect + chance.counts.torn_write === 0)
    wrong.push(...leftovers(world, a.model.id));

  // The deployed model may lack outcomes of pictures that were uploaded under another model. A backfill adds them.
  await runBackfill(deployment.current(), history.length > 1 || random() < 0.5);
  await settleInCalm();
  wrong.push(...currentFaults(world, deployment, beside), ...lies(world));

  // Without faults, deleting the pictures deletes all outcomes.
  for (const key of keys) await change(world, key, undefined);
  await settle();
  wrong.push(...leftovers(world, deployment.current().model.id));
  if (!(await deployment.stop())) wrong.push('a process that does not end');
  const elapsedMs = clock.now().getTime() - started;
  clock.stop();
  return { wrong, faults: chance.counts, elapsedMs };

  async function act(key: string, which: number): Promise<void> {
    if (which < 0.45) {
      if (world.input.objects.has(key)) hit(chance, 'overwrite', name(key));
      await change(world, key, picture(key));
    } else if (which < 0.55) {
      hit(chance, 'delete', name(key));
      await change(world, key, undefined);
    } else if (which < 0.65) {
      hit(chance, 'stray_notification', name(key));
      const etag = chance.pick(['"00000000000000000000000000000000"', world.input.objects.get(key)?.object.etag]);
      announce(world, chance.pick(['ObjectCreated:Put', 'ObjectRemoved:Delete']), key, etag);
    } else if (which < 0.7) {
      hit(chance, 'hostile_message', '');
      chance.pick([world.uploads, world.backfill, world.tokens]).send([chance.pick(hostileMessages)(key)]);
    } else if (which < 0.78) {
      const machine = chance.pick(deployment.machines());
      hit(chance, 'clock_jump', '');
      machine.jump((random() - 0.5) * 600_000);
    } else if (which < 0.86) {
      const next = chance.pick([a, b, c].filter((model) => model !== deployment.current()));
      hit(chance, 'model_change', next.model.id);
      history.push(next);
      deployment.deploy(next);
    } else if (which < 0.92) {
      const before = history.at(-2);
      if (before === undefined) return;
      hit(chance, 'rollback', before.model.id);
      history.push(before);
      deployment.deploy(before);
    } else {
      hit(chance, 'backfill', '');
      void runBackfill(deployment.current(), random() < 0.5);
    }
  }

  function picture(key: string): string {
    if (key === poisoned && random() < 0.5) {
      hit(chance, 'poison', name(key));
      return chance.pick(['poison 0', killerPicture]);
    }
    return `${chance.pick(['good', 'good', 'good', 'bad', 'crash'])} ${Math.floor(random() * 3)}`;
  }

  /** Sends references to the backfill queue, as `igpt backfill` does. */
  async function runBackfill({ model }: SimulatedModel, verify: boolean): Promise<void> {
    const { input, output } = world;
    for await (const { key, etag } of backfill({ input, output, model: model.id, verify })) {
      chance.trace(`backfill refers to ${name(key)}`);
      world.backfill.send([messageText({ schema_version: 1, type: 'reference', key, etag })]);
      if (!chance.calm) await clock.sleep(random() * 10_000);
    }
  }

  /** Waits until the queues are empty, and takes the dead letters. */
  async function settle() {
    const { uploads, backfill, tokens } = world;
    const queues = [uploads, backfill, tokens];
    for (let minute = 0; chance.late > 0 || queues.some((queue) => queue.size() > 0); minute++) {
      if (minute > 24 * 60) {
        wrong.push('stuck');
        break;
      }
      await clock.sleep(60_000);
    }
    return queues.flatMap((queue) => queue.takeDeadLetters());
  }

  /**
   * Without faults, only poison is dead-lettered, and messages that lie between two poisonous ones in every delivery.
   * The latter are processed when they are sent again without the poison. Pictures inside a poisonous message may lie
   * between two poisonous pictures as well.
   */
  async function settleInCalm(): Promise<void> {
    const bodies = (await settle()).map(({ body }) => body);
    const poison = bodies.filter(poisonIn);
    let others = bodies.filter((body) => !poisonIn(body));
    if (poison.length > 1) {
      for (const key of keys) if (poison.some((body) => body.includes(JSON.stringify(key)))) beside.add(key);
      sendAgain(others);
      others = (await settle()).map(({ body }) => body);
    }
    wrong.push(...others.map((body) => `a dead letter in calm: ${body.slice(0, 200)}`));
  }

  function sendAgain(bodies: readonly string[]): void {
    for (const body of bodies) {
      if (!isHostile(body)) (body.includes('"tokens"') ? world.tokens : world.uploads).send([body]);
    }
  }

  function poisonIn(body: string): boolean {
    return poisoned !== undefined && body.includes(poisoned === keys[3] ? 'kkkkk' : encodedPart(poisoned));
  }
}

/** Keys of the pictures of a message. */
function keysIn(body: string): string[] {
  if (isHostile(body)) return [];
  const message = z.union([tokensMessage, uploadsMessage, s3Notification]).parse(JSON.parse(body));
  if ('pictures' in message) return message.pictures.map(({ key }) => key);
  if ('Records' in message) return message.Records.map(({ s3 }) => decodeFormKey(s3.object.key) ?? '');
  return [message.key];
}

/** The part of a key that S3's notifications do not encode. */
const encodedPart = (key: string): string => key.replace(' b+c.jpg', '');
