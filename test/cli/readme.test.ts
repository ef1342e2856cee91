import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DeploymentConfigError, readDeploymentConfig } from '../../lib/contracts/deployment-settings.ts';
import { idleCost } from '../../lib/operate/estimate-cost.ts';
import { igpt, ROOT, temporaryFolder } from './igpt-process.ts';

const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');

/** Lines of the README's shell blocks, install steps cut off. */
const commands = [...readme.matchAll(/^```sh\n(.*?)^```$/gms)]
  .flatMap(([, block = '']) => block.trim().split('\n'))
  .map((line) => line.replace(/^ONNXRUNTIME_NODE_INSTALL=skip npm ci && /, ''));

/** Lines of the blocks that need an AWS account or the network, which no test has. */
const consoleCommands = [...readme.matchAll(/^```console\n(.*?)^```$/gms)].flatMap(([, block = '']) =>
  block.trim().split('\n'),
);

/** Cells of the first two columns of the table under `heading`. */
function tableUnder(heading: string): [string, string][] {
  const [, section = ''] = readme.split(`\n${heading}\n`);
  const [rows = ''] = section.split('\n\n').filter((block) => block.startsWith('|'));
  const cells = rows.split('\n').slice(2);
  return cells.map((row) => {
    const [, first = '', second = ''] = row.split('|').map((cell) => cell.trim().replaceAll('`', ''));
    return [first, second];
  });
}

describe('the README', () => {
  test('opens with the two commands, the second of which is what CI runs', () => {
    expect(commands.slice(0, 2)).toEqual(['npx igpt run test/fixtures/pictures', 'npm test']);
    expect(readFileSync(join(ROOT, '.ci', 'run'), 'utf8')).toContain('step tests npm test');
  });

  test('holds only igpt commands that work, run in their order', async () => {
    using folder = temporaryFolder();
    symlinkSync(join(ROOT, 'test'), join(folder.path, 'test'));
    for (const command of commands.filter((line) => line !== 'npm test')) {
      const [npx, name, ...args] = command.split(' ');
      expect([npx, name], command).toEqual(['npx', 'igpt']);
      const { code, stderr } = await igpt(args, { cwd: folder.path });
      expect(code, `${command}\n${stderr}`).toBe(0);
    }
  });

  test('names only flags and verbs that there are in commands that need an account or the network', async () => {
    const igptCommands = consoleCommands.filter((line) => line.startsWith('npx igpt'));
    expect(igptCommands).not.toEqual([]);
    for (const command of igptCommands) {
      const [, , verb = '', ...args] = command.split(' ');
      // Each action of it explains itself.
      const action = verb === 'batch' ? args.slice(0, 1) : [];
      const { code, stdout } = await igpt([verb, ...action, '--help']);
      expect(code, command).toBe(0);
      for (const flag of args.filter((arg) => arg.startsWith('--'))) expect(stdout, command).toContain(flag);
    }
  });

  test('configures deployments only by settings that there are', () => {
    const settings = consoleCommands.flatMap((line) => Array.from(line.matchAll(/-c (\w+)=/g), ([, name]) => name));
    expect(settings).toContain('compute');
    expect(settingNames()).toEqual(expect.arrayContaining(settings));
  });

  test('lists every setting of a deployment with its default', () => {
    const rows = tableUnder('### Configuration');
    expect(rows.map(([name]) => name).toSorted()).toEqual(settingNames().toSorted());
    const defaults: Record<string, unknown> = readDeploymentConfig({});
    const told = Object.fromEntries(rows.filter(([name]) => name in defaults));
    expect(told).toEqual(Object.fromEntries(Object.entries(defaults).map(([name, value]) => [name, String(value)])));
  });

  test('lists every alarm that tells somebody', () => {
    const source = readFileSync(join(ROOT, 'cdk/constructs/alarms.ts'), 'utf8');
    const alarms = Array.from(source.matchAll(/this\.alarm\('(\w+)'/g), ([, name]) => name);
    expect(
      tableUnder('### When an alarm comes')
        .map(([name]) => name)
        .toSorted(),
    ).toEqual(alarms.toSorted());
  });

  test('says what the idle stack costs as igpt cost does', () => {
    const costs = (compute: 'gpu' | 'cpu') =>
      idleCost(compute)
        .slice(0, 3)
        .map(({ usd }) => usd.toFixed(2));
    const [gpu, cpu] = [costs('gpu'), costs('cpu')];
    for (const [i, usd] of gpu.entries()) expect(readme).toContain(`| ${usd} | ${cpu[i]} |`);
    expect(readme).toMatch(/^\| together +\| 0\.82 \| 0\.64 \|$/m);
  });
});

/** As the error of an unknown setting lists them. */
function settingNames(): string[] {
  try {
    readDeploymentConfig({ nope: true });
  } catch (error) {
    if (error instanceof DeploymentConfigError) return error.faults[0]?.split('expected one of ')[1]?.split(', ') ?? [];
    throw error;
  }
  return [];
}
