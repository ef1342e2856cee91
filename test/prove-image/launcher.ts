import { readdir, readFile } from 'node:fs/promises';
import type { Moto } from '../support/moto.ts';
import type { TemplateStack } from '../support/template-stack.ts';
import type { Container, Containers } from './containers.ts';
import type { Gateway } from './gateway.ts';
import type { PodmanContainer } from './podman-options.ts';

/** What is seen of a container when it is stopped. */
interface Stopped {
  /** Exit code. */
  code: number | null;
  /** Most memory that its processes had at the signal, each at its own peak (bytes). */
  peakBytes: number;
}

/** Runs containers of the template. */
export interface Launcher {
  launch(name: string, container: PodmanContainer, overrides?: Readonly<Record<string, string>>): Container;
  /** Sends SIGTERM, as ECS and AWS Batch do, and waits for the end. */
  stop(container: Container): Promise<Stopped>;
  /** Checks a container that has ended: which files it has written outside its volumes. */
  check(container: Container): Promise<void>;
  /** One line for each fault of any container. */
  wrong: string[];
}

export function createLauncher(containers: Containers, gateway: Gateway, stack: TemplateStack, moto: Moto): Launcher {
  // Stand for the credentials of the task's role.
  const { AWS_REGION: _, ...credentials } = moto.environment;
  const wrong: string[] = [];

  async function check({ name }: Container): Promise<void> {
    const changes = (await containers.podman('diff', name)).split('\n').filter(Boolean);
    for (const change of changes) if (!isMountPoint(change)) wrong.push(`${name} has changed its image: ${change}`);
  }

  return {
    wrong,
    check,
    launch(name, { image, options, command, environment }, overrides = {}) {
      const resolved = Object.entries(environment).map(([key, value]) => [key, stack.resolve(value)]);
      const variables = { ...Object.fromEntries(resolved), ...overrides, ...credentials };
      const given = Object.entries(variables).map(([key, value]) => `--env=${key}=${value}`);
      return containers.run(name, image, [...options, ...given, ...gateway.options], command);
    },
    async stop(container) {
      const processes = await container.processes();
      const peaks = await Promise.all(processes.map(peakMemory));
      // podman mounts them writable, and they are gone when the container has ended.
      for (const folder of ['/dev/shm', '/dev/mqueue']) {
        const found = await readdir(`/proc/${processes[0]}/root${folder}`);
        if (found.length > 0) wrong.push(`${container.name} has written to ${folder}: ${found.join(', ')}`);
      }
      container.signal('SIGTERM');
      const code = await container.exited;
      await check(container);
      return { code, peakBytes: peaks.reduce((sum, bytes) => sum + bytes, 0) };
    },
  };
}

/** Whether podman itself has made this entry of a container's file system, for something that it mounts there. */
function isMountPoint(change: string): boolean {
  return /^(C \/(etc|run|dev)|A \/run\/(podman-init|\.containerenv)|A \/etc\/(hosts|hostname|resolv\.conf|mtab))$/.test(
    change,
  );
}

async function peakMemory(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(status) ?? [];
  return Number(kib ?? 0) * 1024;
}
