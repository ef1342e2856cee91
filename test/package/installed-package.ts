import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { repositoryRoot } from '../../lib/local/repository.ts';

const run = promisify(execFile);

/** The packed package in an otherwise empty folder, with the packages that npm would install beside it. */
export interface InstalledPackage {
  tarball: string;
  /** Names of the files in the tarball, and its size (bytes). */
  files: readonly string[];
  tarballBytes: number;
  /** Folders of the other packages, from `folder`: node_modules/sharp … */
  dependencies: readonly string[];
}

const packed = z.tuple([
  z.object({ filename: z.string(), size: z.number(), files: z.array(z.object({ path: z.string() })) }),
]);
const lockFile = z.object({ packages: z.record(z.string(), z.object({ dev: z.boolean().optional() })) });

/** Runs npm pack and installs the result in `folder`. The other packages come from the repository's node_modules. */
export async function installPackage(folder: string): Promise<InstalledPackage> {
  const { stdout } = await run('npm', ['pack', '--json', '--silent', '--pack-destination', folder], {
    cwd: repositoryRoot,
  });
  // The build prints before the JSON.
  const [{ filename, size, files }] = packed.parse(JSON.parse(stdout.slice(stdout.indexOf('[\n'))));
  const tarball = join(folder, filename);
  const own = join(folder, 'node_modules/image-gpt-serverless');
  mkdirSync(own, { recursive: true });
  await run('tar', ['-xzf', tarball, '--strip-components=1', '-C', own]);

  const { packages } = lockFile.parse(JSON.parse(readFileSync(join(repositoryRoot, 'package-lock.json'), 'utf8')));
  const dependencies = Object.entries(packages)
    .filter(([path, { dev }]) => /^node_modules\/(?!.*\/node_modules\/)/.test(path) && dev !== true)
    .map(([path]) => path)
    .filter((path) => existsSync(join(repositoryRoot, path)));
  for (const path of dependencies) await copyPackage(path, folder);
  return { tarball, files: files.map(({ path }) => path), tarballBytes: size, dependencies };
}

/** Brings a package of the repository, with those in its own node_modules: as links to its files where the disk allows. */
export async function copyPackage(path: string, folder: string): Promise<void> {
  const [from, to] = [join(repositoryRoot, path), join(folder, path)];
  mkdirSync(dirname(to), { recursive: true });
  await run('cp', ['-al', from, to]).catch(() => run('cp', ['-a', from, dirname(to)]));
}
