import { stopTimeoutSeconds } from '../../lib/contracts/delivery.ts';
import { createMachine, type Machine } from './machine.ts';
import type { SimulatedModel } from './simulated-models.ts';
import { functionOver, type Start, workerOf } from './simulated-processes.ts';
import type { SimulatedWorld } from './simulated-world.ts';

/** The deployed processes, which their services keep alive, and the model that is deployed. */
export interface Deployment {
  current(): SimulatedModel;
  /** Replaces each process after a random delay; some end in order, others are killed. */
  deploy(model: SimulatedModel): void;
  /** Whether a process with this model may still have run at `time` (milliseconds since the epoch). */
  aliveAt(model: SimulatedModel, time: number): boolean;
  machines(): Machine[];
  /** Resolves when every process has the deployed model. */
  settled(): Promise<void>;
  /** Stops all processes in order; false when one of them does not stop. */
  stop(): Promise<boolean>;
}

interface Running {
  machine: Machine;
  deployed: SimulatedModel;
  stop(): Promise<void>;
}

/** Time that a service gives a task between SIGTERM and SIGKILL (milliseconds). */
const stopTimeoutMs = 1000 * stopTimeoutSeconds;

/** Longest time that a service takes to start a process (milliseconds). */
const restartMs = 30_000;

export function createDeployment(world: SimulatedWorld, first: SimulatedModel): Deployment {
  const { random, clock, trace } = world.conditions;
  let current = first;
  let stopped = false;
  let change = Promise.withResolvers<string>();
  const lastAlive = new Map<SimulatedModel, number>();
  const running = new Map<string, Running>();

  async function keep(name: string, start: Start): Promise<void> {
    while (!stopped) {
      const deployed = current;
      const machine = createMachine(world.conditions, name);
      const process = { machine, deployed, stop: start(machine, deployed) };
      running.set(name, process);
      do {
        const changed = change.promise;
        const why = await Promise.race([machine.died, changed]);
        if (why === 'changed' && !stopped) await clock.sleep(random() * restartMs);
      } while (!machine.dead && !stopped && deployed === current);
      if (stopped) return;
      if (!machine.dead && random() < 0.6) await end(process);
      machine.die('replaced');
      lastAlive.set(deployed, clock.now().getTime());
      await clock.sleep(random() * restartMs);
    }
  }

  /** Stops a process as a service does: SIGTERM first. False when only SIGKILL is left. */
  async function end({ machine, stop }: Running): Promise<boolean> {
    // It releases its messages now; those that were received too often go to the dead-letter queue.
    machine.faults += 1;
    const ended = stop().then(() => true);
    return Promise.race([ended, clock.sleep(stopTimeoutMs).then(() => false)]);
  }

  const { uploads, backfill } = world;
  void keep('function 1', functionOver(world, uploads));
  void keep('function 2', functionOver(world, uploads));
  void keep('backfill function', functionOver(world, backfill));
  void keep('worker 1', workerOf(world));
  void keep('worker 2', workerOf(world));

  return {
    current: () => current,
    deploy(model) {
      trace(`deployed: ${model.model.id}`);
      current = model;
      change.resolve('changed');
      change = Promise.withResolvers();
    },
    aliveAt: (model, time) => model === current || (lastAlive.get(model) ?? 0) >= time,
    machines: () => [...running.values()].map(({ machine }) => machine),
    async settled() {
      while ([...running.values()].some(({ machine, deployed }) => machine.dead || deployed !== current)) {
        await clock.sleep(10_000);
      }
    },
    async stop() {
      stopped = true;
      const alive = [...running.values()].filter(({ machine }) => !machine.dead);
      return (await Promise.all(alive.map(end))).every(Boolean);
    },
  };
}
