import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rmdir, writeFile } from 'node:fs/promises';
import { freemem, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type WorkerProcess, watchProcess } from '../support/worker-process.ts';
import { debianMissing } from './make-debian.ts';

const execute = promisify(execFile);

const programs = ['buildah', 'podman', 'runc', 'catatonit', 'mmdebstrap'];

/**
 * Why no image can be built here, as the reason of a skipped test; undefined if it can. `gigabytes` is the memory that the
 * images and their build take.
 */
export async function containersMissing(gigabytes = 3): Promise<string | undefined> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'needs Linux on x86-64';
  if (process.getuid?.() !== 0) return 'needs root';
  for (const program of programs) {
    const found = await execute('sh', ['-c', `command -v ${program}`]).catch(() => undefined);
    if (found === undefined) return `needs ${program}: apt-get install ${programs.join(' ')}`;
  }
  const allowed = await execute('unshare', ['--mount', '--net', 'true']).catch(() => undefined);
  if (allowed === undefined) return 'needs the right to make namespaces';
  if (freemem() < gigabytes * 1e9) return `needs ${gigabytes} GB of free memory`;
  return debianMissing();
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
  /** Further options of `buildah build`. */
  options?: readonly string[];
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
  /** Runs buildah. */
  buildah(...args: string[]): Promise<void>;
  /** Runs podman; resolves with its output. */
  podman(...args: string[]): Promise<string>;
  /** Starts a container. `options` are those of `podman run`. */
  run(name: string, image: string, options: readonly string[], command?: readonly string[]): Container;
}

export async function openContainers(): Promise<Containers> {
  const folder = await mkdtemp(join(tmpdir(), 'prove-image-'));
  // In memory: a disk takes up to a minute to remove the files, and an overlay cannot lie on another overlay.
  await execute('mount', ['-t', 'tmpfs', '-o', 'mode=0755', 'tmpfs', folder]);
  // buildah copies to TMPDIR, and both programs must agree on it.
  await mkdir(join(folder, 'tmp'));
  await writeFile(join(folder, 'containers.conf'), configuration(folder));
  const env = { ...process.env, TMPDIR: join(folder, 'tmp'), CONTAINERS_CONF: join(folder, 'containers.conf') };
  const storage = ['--root', join(folder, 'storage'), '--runroot', join(folder, 'run')];
  const limits = await ulimits();
  const names: string[] = [];
  const podman = async (...args: string[]): Promise<string> =>
    (await execute('podman', [...storage, ...args], { env, maxBuffer: 64 * 1024 ** 2 })).stdout.trim();

  async function buildah(...args: string[]): Promise<void> {
    await execute('buildah', [...storage, ...args], { env, maxBuffer: 64 * 1024 ** 2 });
  }

  return {
    folder,
    podman,
    buildah,
    async build({ context, file, target, args = {}, contexts = {}, options: further = [], tag }) {
      const options = [
        ...further,
        ...['--isolation', 'chroot', '--layers', '--platform', 'linux/amd64'],
        ...(target === undefined ? [] : ['--target', target]),
        ...Object.entries(args).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]),
        ...Object.entries(contexts).flatMap(([name, image]) => [
          '--build-context',
          `${name}=container-image://${image}`,
        ]),
      ];
      await buildah('build', ...options, '--file', file, '--tag', tag, context);
    },
    run(name, image, options, command = []) {
      names.push(name);
      const args = [...storage, 'run', '--name', name, ...limits, ...options, image, ...command];
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
      await execute('umount', ['--recursive', folder]);
      await rmdir(folder);
    },
  };
}

/** containers.conf: nothing is shared with other containers of this machine, the locks included. */
function configuration(folder: string): string {
  // No systemd is needed, and Debian's crun fails where the machine has no cgroups of version 2.
  const engine = { runtime: 'runc', cgroup_manager: 'cgroupfs', events_logger: 'none', lock_type: 'file' };
  const lines = Object.entries({ ...engine, tmp_dir: join(folder, 'libpod') });
  return ['[engine]', ...lines.map(([name, value]) => `${name} = "${value}"`)].join('\n');
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
