import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { repositoryRoot } from '../../lib/local/repository.ts';

const run = promisify(execFile);

/** The packages of CUDA 13.0. cuRAND has its own version numbers. Packages whose name ends in `-cu13` are empty. */
const cuda = ['nvidia-cublas==13.0.*', 'nvidia-curand==10.4.0.*', 'nvidia-cuda-runtime==13.0.*'];

/** PyPI's packages of onnxruntime's CUDA provider and of the CUDA libraries, unpacked. */
export interface StagedPackages {
  folder: string;
  /** Names and versions. */
  packages: string[];
  /** Folder of libonnxruntime_providers_cuda.so and libonnxruntime_providers_shared.so. */
  provider: string;
  /** Folder of CUDA's libraries. */
  cuda: string;
}

/**
 * Installs the packages into the user's cache folder, once (0.7 GB to download, 1.3 GB on disk). Needs python3 with pip.
 */
export async function stagedPackages(): Promise<StagedPackages> {
  const file = join(repositoryRoot, 'node_modules/onnxruntime-node/package.json');
  const { version } = z.object({ version: z.string() }).parse(JSON.parse(await readFile(file, 'utf8')));
  const wanted = [`onnxruntime-gpu==${version}`, ...cuda];
  const { XDG_CACHE_HOME: cache = join(homedir(), '.cache') } = process.env;
  const hash = createHash('sha256').update(wanted.join()).digest('hex');
  const folder = join(cache, 'image-gpt-serverless', `cuda-${hash.slice(0, 12)}`);
  if (!existsSync(folder)) await install(wanted, folder);
  const names = (await readdir(folder)).filter((name) => name.endsWith('.dist-info'));
  return {
    folder,
    packages: names.map((name) => name.slice(0, -'.dist-info'.length)),
    provider: join(folder, 'onnxruntime/capi'),
    cuda: join(folder, 'nvidia/cu13/lib'),
  };
}

async function install(packages: readonly string[], folder: string): Promise<void> {
  // Renamed when it is complete.
  const partial = `${folder}.${process.pid}`;
  const wheels = ['manylinux_2_28_x86_64', 'manylinux_2_27_x86_64', 'manylinux2014_x86_64'];
  await mkdir(dirname(folder), { recursive: true });
  try {
    await run('python3', [
      ...['-m', 'pip', 'install', '--quiet', '--no-deps', '--target', partial],
      ...['--only-binary=:all:', '--implementation', 'cp', '--python-version', '3.12'],
      ...wheels.flatMap((name) => ['--platform', name]),
      ...packages,
    ]);
    await rename(partial, folder);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}
