import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { StagedPackages } from '../prove-cuda/staged-packages.ts';
import type { Containers } from './containers.ts';
import { makeDebian } from './make-debian.ts';

const run = promisify(execFile);

/** Stand-in for NVIDIA's image (`cudaImage`). */
export const standInCuda = 'localhost/cuda';

/** Where NVIDIA's packages have their libraries. */
const libraries = 'usr/local/cuda-13.0/targets/x86_64-linux/lib';

/** Libraries of the packages that the Dockerfile installs, and of the one that NVIDIA's `base` image has. */
const packages = {
  'libcublas-13-0': ['libcublas.so.13', 'libcublasLt.so.13'],
  'libcurand-13-0': ['libcurand.so.10'],
} as const;
const baseLibrary = 'libcudart.so.13';

const dockerfile = `FROM scratch
ADD debian.tar /
COPY etc /etc
COPY ${baseLibrary} /${libraries}/
RUN ln -s cuda-13.0 /usr/local/cuda && ln -s targets/x86_64-linux/lib /usr/local/cuda-13.0/lib64 && ldconfig
ENV LD_LIBRARY_PATH=/usr/local/cuda/lib64
ENV NVIDIA_VISIBLE_DEVICES=all
ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility
`;

/**
 * Builds the stand-in for NVIDIA's `base` image: a Debian with apt and PyPI's cudart. It is not Ubuntu: it does not show
 * that Ubuntu 24.04's glibc and libstdc++ serve Node and the provider. Resolves with an option of `buildah build`: a
 * folder that stands for NVIDIA's package repository.
 */
export async function buildStandInCuda(containers: Containers, staged: StagedPackages): Promise<string> {
  const context = join(containers.folder, 'cuda');
  await mkdir(join(context, 'packages'), { recursive: true });
  await mkdir(join(context, 'etc/apt'), { recursive: true });
  await mkdir(join(context, 'etc/ld.so.conf.d'));
  await makeDebian(join(context, 'debian.tar'), 'apt', ['passwd', 'libstdc++6']);
  await copyFile(join(staged.cuda, baseLibrary), join(context, baseLibrary));
  const index = [];
  for (const [name, files] of Object.entries(packages)) {
    index.push(await debianPackage(join(context, 'packages'), name, files, staged));
  }
  await writeFile(join(context, 'packages/Packages'), index.join('\n'));
  await writeFile(join(context, 'etc/apt/sources.list'), 'deb [trusted=yes] file:/packages ./\n');
  await writeFile(join(context, 'etc/ld.so.conf.d/000_cuda.conf'), `/${libraries}\n`);
  await writeFile(join(context, 'Dockerfile'), dockerfile);
  await containers.build({ context, file: join(context, 'Dockerfile'), tag: standInCuda });
  return `--volume=${join(context, 'packages')}:/packages:ro`;
}

/** Makes a package of Debian's format in `folder`. Resolves with its entry of the repository's index. */
async function debianPackage(
  folder: string,
  name: string,
  files: readonly string[],
  staged: StagedPackages,
): Promise<string> {
  const tree = join(folder, '../..', name);
  await mkdir(join(tree, 'DEBIAN'), { recursive: true });
  await mkdir(join(tree, libraries), { recursive: true });
  for (const file of files) await copyFile(join(staged.cuda, file), join(tree, libraries, file));
  const control = `Package: ${name}\nVersion: 13.0\nArchitecture: amd64\nMaintainer: prove:image\nDescription: stand-in\n`;
  await writeFile(join(tree, 'DEBIAN/control'), control);
  const file = join(folder, `${name}.deb`);
  await run('dpkg-deb', ['--build', '-Znone', '--root-owner-group', tree, file]);
  const sum = createHash('sha256').update(await readFile(file));
  return `${control}Filename: ./${name}.deb\nSize: ${(await stat(file)).size}\nSHA256: ${sum.digest('hex')}\n`;
}

/** Image that replaces the Dockerfile's stage `app-cuda`, which fetches the provider from NuGet: it has PyPI's. */
export const appWithProvider = 'localhost/app-cuda';

/** Builds it from the image of the Dockerfile's stage `app`. */
export async function buildAppWithProvider(
  containers: Containers,
  app: string,
  { provider }: StagedPackages,
): Promise<void> {
  const context = join(containers.folder, 'app-cuda');
  await mkdir(context);
  const files = ['cuda', 'shared'].map((name) => `libonnxruntime_providers_${name}.so`);
  for (const file of files) await copyFile(join(provider, file), join(context, file));
  const folder = '/app/node_modules/onnxruntime-node/bin/napi-v6/linux/x64/';
  await writeFile(join(context, 'Dockerfile'), `FROM ${app}\nCOPY ${files.join(' ')} ${folder}\n`);
  await containers.build({ context, file: join(context, 'Dockerfile'), tag: appWithProvider });
}
