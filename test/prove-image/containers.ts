import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type WorkerProcess, watchProcess } from '../support/worker-process.ts';

const execute = promisify(execFile);

const programs = ['buildah', 'podman', 'runc', 'catatonit', 'mmdebstrap'];

/** Why no image can be built here, as the reason of a skipped test; undefined if it can. */
export async function containersMissing(): Promise<string | undefined> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'needs Linux on x86-64';
  if (process.getuid?.() !== 0) return 'needs root';
  for (const program of programs) {
    const found = await execute('sh', ['-c', `command -v ${program}`]).catch(() => undefined);
    if (found === undefined) return `needs ${program}: apt-get install ${programs.join(' ')}`;
  }
  const allowed = await execute('unshare', ['--mount', '--net', 'true']).catch(() => undefined);
  return allowed === undefined ? 'needs the right to make namespaces' : undefined;
}

interface Build {
  /** Folder of the build context. */
  context: string;
  /** Path of the Dockerfile. */
  file: string;
  target?: string;
  args?: Readonly<Record<string, string>>;
  /** Images that replace a stage of the Dockerfile. */
  contexts?: Readonly<Record<string, string>>;
  /** Name of the image. */
  tag: string;
}

/** A container that runs in the foreground of its own podman process, which passes signals on. */
export interface Container extends WorkerProcess {
  name: string;
  /** Process ids as this machine sees them: the container's first process, then its descendants. Waits for its start. */
  processes(): Promise<number[]>;
}

/** buildah and podman with a storage of their own; disposing removes all images and containers. */
export interface Containers extends AsyncDisposable {
  /** Temporary folder, for other files of the proof. */
  folder: string;
  /** Builds an image with buildah. */
  build(build: Build): Promise<void>;
  /** Runs podman; resolves with its output. */
  podman(...args: string[]): Promise<string>;
  /** Starts a container. `options` are those of `podman run`. */
  run(name: string, image: string, options: readonly string[], command?: readonly string[]): Container;
}

export async function openContainers(): Promise<Containers> {
  const folder = await mkdtemp(join(tmpdir(), 'prove-image-'));
  // buildah copies to TMPDIR, and both programs must agree on it.
  await mkdir(join(folder, 'tmp'));
  const env = { ...process.env, TMPDIR: join(folder, 'tmp') };
  const storage = ['--root', join(folder, 'storage'), '--runroot', join(folder, 'run')];
  // No systemd is needed, and Debian's crun fails where the machine has no cgroups of version 2.
  const engine = ['--runtime', 'runc', '--cgroup-manager', 'cgroupfs', '--events-backend', 'none'];
  const global = [...storage, ...engine, '--tmpdir', join(folder, 'libpod')];
  const limits = await ulimits();
  const names: string[] = [];
  const podman = async (...args: string[]): Promise<string> =>
    (await execute('podman', [...global, ...args], { env, maxBuffer: 64 * 1024 ** 2 })).stdout.trim();

  return {
    folder,
    podman,
    async build({ context, file, target, args = {}, contexts = {}, tag }) {
      const options = [
        ...['--isolation', 'chroot', '--layers', '--platform', 'linux/amd64'],
        ...(target === undefined ? [] : ['--target', target]),
        ...Object.entries(args).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]),
        ...Object.entries(contexts).flatMap(([name, image]) => ['--build-context', `${name}=${image}`]),
      ];
      const command = [...storage, 'build', ...options, '--file', file, '--tag', tag, context];
      await execute('buildah', command, { env, maxBuffer: 64 * 1024 ** 2 });
    },
    run(name, image, options, command = []) {
      names.push(name);
      const args = [...global, 'run', '--name', name, ...limits, ...options, image, ...command];
      const started = watchProcess(spawn('podman', args, { env, stdio: ['ignore', 'pipe', 'pipe'] }));
      let ended = false;
      let first = 0;
      started.exited.finally(() => {
        ended = true;
      });
      async function processes(): Promise<number[]> {
        for (;;) {
          if (ended) throw new Error(`Expected ${name} to run, but it ended: ${started.lines.join('\n')}`);
          if (first > 0) break;
          // Fails until podman has created the container.
          first = Number(await podman('inspect', '--format', '{{.State.Pid}}', name).catch(() => 0));
        }
        return [first, ...(await descendants(first))];
      }
      return { ...started, name, processes };
    },
    async [Symbol.asyncDispose]() {
      // The last first: a container's network can be that of an earlier one.
      for (const name of names.toReversed()) await podman('rm', '--force', '--ignore', '--time', '0', name);
      await podman('rmi', '--all', '--force');
      // What the storage has mounted on itself.
      await execute('umount', [join(folder, 'storage/overlay')]).catch(() => {});
      await rm(folder, { recursive: true });
    },
  };
}

/** Fargate's limit of open files, or this machine's if it is lower; podman's default may be higher than allowed. */
async function ulimits(): Promise<string[]> {
  const fargate = 65_535;
  const { stdout } = await execute('sh', ['-c', 'ulimit -Hn']);
  const files = Math.min(Number(stdout) || fargate, fargate);
  return ['--ulimit', `nofile=${files}:${files}`, '--ulimit', 'nproc=4096:4096'];
}

async function descendants(pid: number): Promise<number[]> {
  const threads = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  const children = threads.split(' ').filter(Boolean).map(Number);
  return [...children, ...(await Promise.all(children.map(descendants))).flat()];
}
