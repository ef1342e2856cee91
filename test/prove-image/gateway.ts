import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Containers } from './containers.ts';
import { emulatorProxy } from './emulator-proxy.ts';
import { standInBase } from './stand-in-base.ts';

/** A network in which containers reach the emulator, at its own address, and nothing else. */
export interface Gateway extends AsyncDisposable {
  /** Options of `podman run`. */
  options: string[];
  /** How often a process in this network has tried to reach another address, since the start. */
  strayed(): Promise<number>;
}

/**
 * Opens the network. It has only the loopback interface; the gateway's container forwards the emulator's port through a
 * Unix socket. Linux counts each attempt to reach another address as one without a route.
 */
export async function openGateway(containers: Containers, endpoint: string): Promise<Gateway> {
  const port = Number(new URL(endpoint).port);
  const shared = join(containers.folder, 'gateway');
  await mkdir(shared);
  const outside = emulatorProxy(endpoint).listen(join(shared, 'socket'));
  await once(outside, 'listening');
  const code = `import { forward } from '/forward.ts'; forward(${port}, '/gateway/socket').on('listening', () => console.log('open'));`;
  const mounts = [
    `--volume=${shared}:/gateway`,
    `--volume=${fileURLToPath(new URL('./forward.ts', import.meta.url))}:/forward.ts:ro`,
  ];
  const command = ['node', '--input-type=module', '--eval', code];
  const gateway = containers.run('gateway', standInBase, [...mounts, '--network=none', '--init'], command);
  await gateway.says('open');
  const [pid] = await gateway.processes();
  // Another address also for look-ups of names; this machine's name server may be on a loopback address.
  const resolver = join(containers.folder, 'resolv.conf');
  await writeFile(resolver, 'nameserver 192.0.2.53\noptions timeout:1 attempts:1\n');

  async function strayed(): Promise<number> {
    const file = (name: string): Promise<string> => readFile(`/proc/${pid}/net/${name}`, 'utf8');
    const [names = '', counts = ''] = (await file('snmp')).split('\n').filter((line) => line.startsWith('Ip:'));
    const v4 = counts.split(' ')[names.split(' ').indexOf('OutNoRoutes')];
    const [, v6] = /^Ip6OutNoRoutes\s+(\d+)$/m.exec(await file('snmp6')) ?? [];
    return Number(v4) + Number(v6);
  }

  return {
    options: ['--network=container:gateway', `--volume=${resolver}:/etc/resolv.conf:ro`],
    strayed,
    async [Symbol.asyncDispose]() {
      gateway.signal('SIGTERM');
      await gateway.exited;
      outside.close();
    },
  };
}
