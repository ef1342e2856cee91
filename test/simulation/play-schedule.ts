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
  /** What is wrong at the end: nothing. */
  wrong: string[];
  faults: FaultCounts;
  /** How far the time went, milliseconds. */
  elapsedMs: number;
}

/** Actions of users, operators and bad luck in one schedule. */
const actions = 14;

/** Longest pause between two of them, milliseconds: several must meet in the same processes. */
const pauseMs = 40_000;

/** Bytes: a failed outcome of a short key fits, a result does not, nor anything of the longest key. */
const smallFiles = 400;

/** Keys that are special in an encoding, an order, or by their length. */
const keys = ['a b+c.jpg', 'a!', 'a/b.jpg', `${'k'.repeat(1000)}\u{1f408}`];

/**
 * Plays one schedule over the processes as they are deployed. For a while pictures come, change and go, models are
 * deployed, backfills run, and five calls in a hundred go wrong. Then the faults end, and what has no outcome must be in
 * the dead letters. These are sent again, and everything must come to rest, with nothing lost, wrong or stuck. Until then
 * there is no room for results where the seed ends in 3, and one picture cannot be read where it ends in 7.
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
  // What had begun before goes on as badly as it began.
  await clock.sleep(longestMs);

  const wrong: string[] = [];
  /** Pictures that may be in a message with poison, between two such. */
  const beside = new Set<string>();
  const dead = await settle();
  for (const { body, unjust } of dead) {
    if (unjust && !isHostile(body)) wrong.push(`a dead letter without a fault: ${body.slice(0, 200)}`);
  }
  // What has no outcome is in the dead letters, and what has one says no more than what happened to the picture.
  wrong.push(...lost(world, deployment, new Set(dead.flatMap(({ body }) => keysIn(body)))), ...lies(world));
  chance.roomFor = Number.POSITIVE_INFINITY;
  chance.unreadable = undefined;
  // Sent again, all end but what nobody understands, and the poison.
  sendAgain(dead.map(({ body }) => body));
  await settleInCalm();
  wrong.push(...lost(world, deployment, beside));
  // A model that is gone, an effect after its error, or half an outcome may leave what nobody looks for any more.
  if (history.length === 1 && chance.counts.late_effect + chance.counts.torn_write === 0)
    wrong.push(...leftovers(world, a.model.id));

  // The models that are not deployed any more are as they were; the one that is may lack what came under another.
  await runBackfill(deployment.current(), history.length > 1 || random() < 0.5);
  await settleInCalm();
  wrong.push(...currentFaults(world, deployment, beside), ...lies(world));

  // In calm, a deletion leaves nothing.
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

  /** As `igpt backfill` does: references to what has no current outcome, into the queue of its own. */
  async function runBackfill({ model }: SimulatedModel, verify: boolean): Promise<void> {
    const { input, output } = world;
    for await (const { key, etag } of backfill({ input, output, model: model.id, verify })) {
      chance.trace(`backfill refers to ${name(key)}`);
      world.backfill.send([messageText({ schema_version: 1, type: 'reference', key, etag })]);
      if (!chance.calm) await clock.sleep(random() * 10_000);
    }
  }

  /** Waits until nothing is on its way, and takes what has died. */
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
   * Only poison dies now; and what comes between two such messages each time, until it is sent without them. What is
   * in such a message itself may be between two as well.
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

/** Keys of the pictures that a message is about. */
function keysIn(body: string): string[] {
  if (isHostile(body)) return [];
  const message = z.union([tokensMessage, uploadsMessage, s3Notification]).parse(JSON.parse(body));
  if ('pictures' in message) return message.pictures.map(({ key }) => key);
  if ('Records' in message) return message.Records.map(({ s3 }) => decodeFormKey(s3.object.key) ?? '');
  return [message.key];
}

/** A part of a key that is the same in a notification and in our own messages. */
const encodedPart = (key: string): string => key.replace(' b+c.jpg', '');
