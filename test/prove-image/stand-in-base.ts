import { execFile } from 'node:child_process';
import { copyFile, cp, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { repositoryRoot } from '../../lib/local/repository.ts';
import { pathWithoutProject } from '../cli/igpt-process.ts';
import type { Containers } from './containers.ts';
import { makeDebian } from './make-debian.ts';

const run = promisify(execFile);

/** Stand-in for Node's image (`nodeImage`). */
export const standInBase = 'localhost/node';

/** What the Dockerfile's commands and Node need. */
const packages = ['base-files', 'dash', 'coreutils', 'grep', 'sed', 'libc-bin', 'libstdc++6'];

const dockerfile = `FROM scratch
ADD debian.tar /
COPY node /usr/local/bin/node
COPY npm /usr/local/lib/node_modules/npm
COPY etc /usr/local/etc
COPY passwd group /etc/
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm && mkdir -p /home/node && chown node:node /home/node
`;

/**
 * Builds the stand-in for Node's image: a small Debian, the Node of npm's package `node`, this machine's npm, and the
 * user `node` (1000). Packages come from where this machine's apt and npm take them.
 */
export async function buildStandInBase(containers: Containers): Promise<void> {
  const context = join(containers.folder, 'node');
  await mkdir(join(context, 'etc'), { recursive: true });
  // Only unpacked: dpkg would take long to configure packages that nothing here uses.
  await makeDebian(join(context, 'debian.tar'), 'extract', packages);
  await writeFile(join(context, 'passwd'), 'root:x:0:0::/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n');
  await writeFile(join(context, 'group'), 'root:x:0:\nnode:x:1000:\n');
  await copyFile(join(repositoryRoot, 'node_modules/node/bin/node'), join(context, 'node'));
  await cp(await npmFolder(), join(context, 'npm'), { recursive: true });
  const certificates = await npm('config', 'get', 'cafile');
  const settings = [`registry=${await npm('config', 'get', 'registry')}`];
  if (certificates !== 'null') {
    await copyFile(certificates, join(context, 'etc/npm-certificates'));
    settings.push('cafile=/usr/local/etc/npm-certificates');
  }
  await writeFile(join(context, 'etc/npmrc'), settings.join('\n'));
  await writeFile(join(context, 'Dockerfile'), dockerfile);
  await containers.build({ context, file: join(context, 'Dockerfile'), tag: standInBase });
}

/** Folder of this machine's npm. */
async function npmFolder(): Promise<string> {
  const { stdout } = await run('sh', ['-c', 'readlink -f "$(command -v npm)"']);
  // .../npm/bin/npm-cli.js
  return dirname(dirname(stdout.trim()));
}

async function npm(...args: string[]): Promise<string> {
  // npm finds its settings beside the machine's own Node; an `npm run` around this process names another place.
  const { npm_config_globalconfig: _, npm_config_prefix: __, ...env } = process.env;
  return (await run('npm', args, { cwd: '/', env: { ...env, PATH: pathWithoutProject() } })).stdout.trim();
}
