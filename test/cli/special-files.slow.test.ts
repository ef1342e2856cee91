import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { specialFiles } from '../support/special-files.ts';
import { igpt, temporaryFolder } from './igpt-process.ts';
import { writePicture } from './picture-folder.ts';

// Commands that met a pipe where their own file should be, and waited for ever.

describe.each(specialFiles)('%s', (name, make) => {
  const kind = name.replace('link to a ', '');

  // A link that leaves the output is refused as that.
  test.skipIf(name === 'a link to a device')(
    'in the place of an outcome: the picture has none, and the run fails',
    async () => {
      using folder = temporaryFolder();
      await writePicture(join(folder.path, 'in', 'a.png'), 1);
      const run = () => igpt(['run', 'in', '--out', 'o', '--no-report'], { cwd: folder.path });
      await run();
      const results = join(folder.path, 'o', 'results');
      const outcome = join(results, readdirSync(results)[0] ?? '', 'a.png.json');
      rmSync(outcome);
      make(outcome);

      const { code, stderr } = await run();
      expect(code, stderr).toBe(1);
      expect(stderr).toContain(`a.png.json", received ${kind}; remove it.`);
      expect(stderr).toContain('1 of the failed pictures have no outcome');
      expect(statSync(outcome).isFile()).toBe(false);
    },
  );

  test('in the place of a report: refused before any work', async () => {
    using folder = temporaryFolder();
    await writePicture(join(folder.path, 'in', 'a.png'), 1);
    execFileSync('mkdir', [join(folder.path, 'o')]);
    make(join(folder.path, 'o', 'report.html'));

    const { code, stderr } = await igpt(['run', 'in', '--out', 'o'], { cwd: folder.path });
    expect(code, stderr).toBe(2);
    expect(stderr).toContain('expected a report of igpt, but it is another file');
  });

  test('in the place of a job’s summary: run and verify fail', async () => {
    using folder = temporaryFolder();
    await writePicture(join(folder.path, 'in', 'a.png'), 1);
    const verbs = [
      ['run', 'in', '--out', 's', '--outputs', 'features', '--no-report'],
      ['verify', 's'],
    ];
    const [run = [], verify = []] = verbs.map((verb) => ['batch', ...verb]);
    await igpt(run, { cwd: folder.path });
    rmSync(join(folder.path, 's', '_summary.json'));
    make(join(folder.path, 's', '_summary.json'));

    for (const verb of [run, verify]) {
      const { code, stderr } = await igpt(verb, { cwd: folder.path });
      expect(code, stderr).toBe(1);
      expect(stderr).toContain(`Expected to read "_summary.json", received ${kind}; remove it.`);
    }
  });
});

// Node's recursive mkdir never ends below /proc.
test.skipIf(process.platform !== 'linux').each(['IGPT_CACHE', 'XDG_CACHE_HOME'])(
  'a cache below /proc is refused: %s',
  async (variable) => {
    using folder = temporaryFolder();
    await writePicture(join(folder.path, 'a.png'), 1);
    const options = { cwd: folder.path, env: { [variable]: '/proc/nowhere' } };
    const { code, stderr } = await igpt(['classify', '--precision', 'int8', 'a.png'], options);
    expect(code, stderr).toBe(1);
    expect(stderr).toMatch(/Expected to write the int8 weights to \/proc\/nowhere.*but the system said ENOENT/);
  },
);
