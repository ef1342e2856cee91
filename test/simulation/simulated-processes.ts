import { createSemaphore } from '../../lib/async/semaphore.ts';
import { gatherDeletions, gatherEvents } from '../../lib/aws/gather-requests.ts';
import { retryDelayMs } from '../../lib/contracts/delivery.ts';
import { workUntilStopped } from '../../lib/pipeline/consumer.ts';
import { handleDelivery } from '../../lib/pipeline/handle-delivery.ts';
import { createInfer } from '../../lib/pipeline/infer.ts';
import { createStages } from '../../lib/pipeline/observer.ts';
import { createTokenPacker } from '../../lib/pipeline/pack-tokens.ts';
import { createPreprocess } from '../../lib/pipeline/preprocess.ts';
import { createReceiveUploads } from '../../lib/pipeline/receive-uploads.ts';
import type { QueueMessage } from '../../lib/ports/queue.ts';
import type { Machine } from './machine.ts';
import { type SimulatedModel, simulatedDecoder, simulatedModelOf } from './simulated-models.ts';
import { connectSink, connectStore } from './simulated-ports.ts';
import type { SimulatedQueue } from './simulated-queue.ts';
import type { SimulatedWorld } from './simulated-world.ts';

// The two kinds of deployed processes, wired as in functions/.

/** Starts a process on a machine; returns a function that stops it in order. */
export type Start = (machine: Machine, deployed: SimulatedModel) => () => Promise<void>;

/** Name of the input bucket. */
export const bucket = 'pictures';

/** Time limit of the function, and the part of it that is reserved for releasing messages (milliseconds). */
const functionMs = 120_000;
const reserveMs = 15_000;

/**
 * Longest wait of one receive (milliseconds). Far above SQS's limit, so that idle processes cost little to simulate.
 */
const waitMs = 600_000;

function commonPorts({ conditions, input, output, published }: SimulatedWorld, machine: Machine) {
  return {
    input: connectStore(input, 'input', machine, conditions),
    output: connectStore(output, 'output', machine, conditions),
    events: connectSink(published, machine),
    clock: machine.clock,
    confirmSource: true,
    observer: { stages: createStages(machine.clock), ended: () => {}, caught: () => {} },
  };
}

/** The preprocess function on one of its queues, with the event source mapping in front of it. */
export function functionOver(world: SimulatedWorld, source: SimulatedQueue): Start {
  return (machine, { model, preprocessing, quantize, colors }) => {
    const { clock } = machine;
    const common = commonPorts(world, machine);
    const queue = source.connect(machine);
    const tokens = world.tokens.connect(machine);
    const packer = createTokenPacker({ queue: tokens, clock, preprocessing, maxPictures: 3, maxWaitMs: 5000 });
    const preprocess = createPreprocess({
      ...common,
      quantize,
      colors,
      packer,
      model: model.id,
      decoder: simulatedDecoder(machine, world),
      decoding: createSemaphore(2),
      maxPictureBytes: 1000,
    });
    const { input, output } = common;
    const bucketEvents = { bucket, input, output, model: model.id };
    const flow = createReceiveUploads({ preprocess: packer.watch(preprocess), bucketEvents });
    const stopping = new AbortController();

    async function run(): Promise<void> {
      while (!stopping.signal.aborted) {
        const messages = await queue.receive({ maxMessages: 10, waitMs, signal: stopping.signal }).catch(() => []);
        if (messages.length > 0) await invoke(messages);
      }
    }

    async function invoke(messages: QueueMessage[]): Promise<void> {
      const timeOver = new AbortController();
      const done = new AbortController();
      void clock.sleep(functionMs - reserveMs, done.signal).then(async () => {
        if (done.signal.aborted) return;
        timeOver.abort('time is over');
        await clock.sleep(reserveMs, done.signal);
        // Lambda kills the process at its time limit.
        if (!done.signal.aborted) machine.die('time limit');
      });
      const signal = timeOver.signal;
      const failed = await handleDelivery(messages, { queue, flow, signal, retryDelayMs, onError: () => {} });
      done.abort('done');
      const deleted = messages.filter((message) => !failed.includes(message)).map(({ receipt }) => receipt);
      if (deleted.length > 0) await queue.delete(deleted).catch(() => {});
    }

    const running = run();
    return async () => {
      stopping.abort('stopped');
      await running;
    };
  };
}

/** The worker. */
export function workerOf(world: SimulatedWorld): Start {
  return (machine, deployed) => {
    const { clock } = machine;
    const common = commonPorts(world, machine);
    const flow = createInfer({
      ...common,
      events: gatherEvents(common.events, clock),
      uploads: world.uploads.connect(machine),
      model: simulatedModelOf(machine, deployed, world),
      preprocessing: deployed.preprocessing,
      predicting: createSemaphore(4),
    });
    const stopping = new AbortController();
    const working = workUntilStopped({
      queue: gatherDeletions(world.tokens.connect(machine), clock),
      flow,
      clock,
      waitMs,
      retryDelayMs,
      consumers: 2,
      prefetch: 4,
      drainMs: 90_000,
      signal: stopping.signal,
      giveUp: new AbortController(),
      onError: () => {},
    });
    return async () => {
      stopping.abort('stopped');
      await working;
    };
  };
}
