import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Keys of Debian's archive; its package debian-archive-keyring. */
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/**
 * Makes a Debian of this machine's release, as a tar file. `extract` unpacks only `packages`; `apt` installs Debian's
 * essential packages, apt and `packages`. They come from where this machine's apt takes them.
 */
export async function makeDebian(file: string, variant: 'extract' | 'apt', packages: readonly string[]): Promise<void> {
  const { sources, suite } = await debianSources();
  if (sources.length === 0) throw new Error(`Expected ${neededSources}, apt has none.`);
  await run('mmdebstrap', [`--variant=${variant}`, `--include=${packages.join(',')}`, suite, file, ...sources]);
}

const neededSources = 'package sources of Debian; run this on Debian, after apt-get update';

/** Why no Debian can be made here; undefined if it can. */
export async function debianMissing(): Promise<string | undefined> {
  const found = await debianSources().catch(() => ({ sources: [] }));
  return found.sources.length === 0 ? `needs ${neededSources}` : undefined;
}

/** Lines of sources.list for Debian's packages, as this machine's apt takes them. */
async function debianSources(): Promise<{ sources: string[]; suite: string }> {
  const format = `deb [signed-by=${keyring}] $(REPO_URI) $(RELEASE) $(COMPONENT)`;
  const filter = ['Created-By: Packages', 'Origin: Debian'];
  const { stdout } = await run('apt-get', ['indextargets', '--format', format, ...filter]);
  const sources = [...new Set(stdout.trim().split('\n').filter(Boolean))];
  const [, suite = ''] = /^VERSION_CODENAME=(.+)$/m.exec(await readFile('/etc/os-release', 'utf8')) ?? [];
  return { sources, suite };
}
