import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { verbs } from '../../lib/cli/verb-list.ts';
import { igpt, igptCommand, pathWithoutProject, temporaryFolder } from './igpt-process.ts';

describe('without a verb', () => {
  test('prints the grammar, the verbs and three commands to try', async () => {
    const { code, stdout, stderr } = await igpt([]);

    expect(code).toBe(0);
    expect(stderr).toBe('');
    expect(stdout).toContain('Grammar: node lib/cli/igpt.js VERB');
    for (const { name, summary } of verbs) {
      expect(stdout).toMatch(new RegExp(`^ {2}${name} +${summary}$`, 'm'));
    }
    const commands = /Three commands to try:\n((?: {2}.*\n)+)/.exec(stdout)?.[1]?.trim().split('\n');
    expect(commands).toHaveLength(3);
  });
});

describe('help', () => {
  test.each(verbs)('igpt $name --help shows examples', async ({ name: verb }) => {
    const { code, stdout, stderr } = await igpt([verb, '--help']);

    expect(code).toBe(0);
    expect(stderr).toBe('');
    expect(stdout).toMatch(new RegExp(`^Usage: igpt ${verb} `));
    expect(stdout).not.toContain('(default: false)');
    expect(stdout).toMatch(new RegExp(`\nExamples:\n(.*\n)*? {2}node lib/cli/igpt\\.js ${verb} `));
  });

  test('igpt --version is a bare version on standard output', async () => {
    const { code, stdout } = await igpt(['--version']);

    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('a wrong command line', () => {
  test.each([
    [['runn', 'x'], /no verb 'runn' \(nearest: run\)/],
    [['run', '.', '--wach'], /unknown option '--wach' \(nearest: --watch\)/],
    [
      ['classify', 'x.png', '--model', 'nowhere'],
      /model nowhere: expected a checkpoint directory .* nothing of that name/,
    ],
  ])('igpt %j exits with 2 and one line on standard error', async (args, words) => {
    const { code, stdout, stderr } = await igpt(args);

    expect(stderr).toMatch(words);
    expect(stderr).toMatch(/^igpt: [^\n]*\n$/);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });

  test('a folder that was removed under the user is said in one line', () => {
    using folder = temporaryFolder();
    const leave = 'mkdir gone && cd gone && rmdir ../gone && "$0" inspect igpt-nano';
    const { status, stdout, stderr } = spawnSync('sh', ['-c', leave, igptCommand], {
      cwd: folder.path,
      encoding: 'utf8',
    });

    expect(stderr).toMatch(/^igpt: the folder that you are in does not exist any more[^\n]*\n$/);
    expect(stdout).toBe('');
    expect(status).toBe(2);
  });

  test('--debug and IGPT_DEBUG add the stack', async () => {
    const asked = await igpt(['classify', 'x.png', '--model', 'nowhere', '--debug']);
    const set = await igpt(['classify', 'x.png', '--model', 'nowhere'], { env: { IGPT_DEBUG: '1' } });

    expect(asked.stderr).toMatch(/UsageError.*\n\s+at /);
    expect(set.stderr).toMatch(/UsageError.*\n\s+at /);
  });
});

describe('the entry', () => {
  test('runs through a link from another folder, under whichever Node the machine has', async () => {
    using folder = temporaryFolder();
    mkdirSync(join(folder.path, 'bin'));
    symlinkSync(igptCommand, join(folder.path, 'bin', 'igpt'));
    writeFileSync(
      join(folder.path, 'call.mjs'),
      `import { spawnSync } from 'node:child_process'; const { status } = spawnSync('./bin/igpt', ['inspect', 'igpt-nano', '--json'], { stdio: 'inherit' }); process.exit(status);`,
    );
    const { status, stdout, stderr } = spawnSync('node', ['call.mjs'], {
      cwd: folder.path,
      env: { PATH: pathWithoutProject() },
      encoding: 'utf8',
    });

    expect(JSON.parse(stdout)).toMatchObject({ name: 'igpt-nano', n_layer: 6, n_positions: 256 });
    expect(stderr).not.toContain('Warning');
    expect(status).toBe(0);
  });
});
