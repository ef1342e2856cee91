import { UpdateServiceCommand } from '@aws-sdk/client-ecs';
import { systemClock as clock } from '../../lib/local/system-clock.ts';
import type { ProofWorld } from '../prove-aws/prove.ts';
import type { Clients, TemplateStack } from '../support/template-stack.ts';
import type { Container } from './containers.ts';
import type { Launcher } from './launcher.ts';
import { taskToPodman } from './podman-options.ts';

/** Poll interval of the service (milliseconds). */
const pollMs = 500;

/** The service scales in when its queues were empty this often in a row. */
const idlePolls = 6;

/** What is known of a task that has ended. */
export interface TaskFigures {
  /** From `podman run` until the worker is ready (seconds). */
  readySeconds: number;
  /** Most memory of its processes (bytes). */
  peakBytes: number;
  /** From SIGTERM to the end (seconds). */
  drainSeconds: number;
}

export interface WorkerService extends Pick<ProofWorld, 'running' | 'kill'>, AsyncDisposable {
  tasks: TaskFigures[];
}

/** Does what ECS does: runs a task of the template's definition while the service's desired count is above 0. */
export function startWorkerService(
  launcher: Launcher,
  stack: TemplateStack,
  { ecs }: Pick<Clients, 'ecs'>,
  waiting: () => Promise<number>,
): WorkerService {
  const definition = stack.properties('AWS::ECS::TaskDefinition');
  const tasks: TaskFigures[] = [];
  let current: { container: Container; readySeconds: number } | undefined;
  let count = 0;
  let stopped = false;

  async function start(): Promise<void> {
    count += 1;
    // Each task has a volume of its own.
    const began = performance.now();
    const container = launcher.launch(`worker-${count}`, taskToPodman(definition, `worker-${count}`));
    await container.says('"ready"');
    current = { container, readySeconds: (performance.now() - began) / 1000 };
  }

  async function stop(): Promise<string | undefined> {
    if (current === undefined) return undefined;
    const { container, readySeconds } = current;
    const began = performance.now();
    const { code, peakBytes } = await launcher.stop(container);
    tasks.push({ readySeconds, peakBytes, drainSeconds: (performance.now() - began) / 1000 });
    if (code !== 0) launcher.wrong.push(`${container.name}: expected exit code 0 after SIGTERM, received ${code}`);
    for (const line of container.lines) if (/"level":"(ERROR|CRITICAL)"/.test(line)) launcher.wrong.push(line);
    current = undefined;
    return container.name;
  }

  async function work(): Promise<void> {
    for (let idle = 0; !stopped; await clock.sleep(pollMs)) {
      const desired = (await stack.desiredCount()) ?? 0;
      if (desired > 0 && current === undefined) await start();
      idle = desired > 0 && (await waiting()) === 0 ? idle + 1 : 0;
      if (idle < idlePolls) continue;
      const [cluster, service] = [stack.output('Cluster'), stack.output('Service')];
      await ecs.send(new UpdateServiceCommand({ cluster, service, desiredCount: 0 }));
      await stop();
      idle = 0;
    }
  }

  let failure: unknown;
  const working = work().catch((error: unknown) => {
    failure = error;
  });
  return {
    tasks,
    async running() {
      if (failure !== undefined) throw failure;
      return current === undefined ? 0 : 1;
    },
    kill: stop,
    async [Symbol.asyncDispose]() {
      stopped = true;
      await working;
      await stop();
    },
  };
}
