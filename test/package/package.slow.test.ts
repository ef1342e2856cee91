import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { repositoryRoot } from '../../lib/local/repository.ts';
import { blocksOf } from '../cli/documents.ts';
import { copyPackage, type InstalledPackage, installPackage } from './installed-package.ts';

const execute = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'package-'));
let installed: InstalledPackage;

beforeAll(async () => {
  installed = await installPackage(folder);
  const pictures = join(repositoryRoot, 'test/fixtures/pictures');
  for (const name of ['animals/cat.jpg', 'space/rocket.jpg'])
    cpSync(join(pictures, name), join(folder, name.replace(/.*\//, '')));
  mkdirSync(join(folder, 'pictures'));
  cpSync(join(pictures, 'animals'), join(folder, 'pictures'), { recursive: true });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs Node in the empty folder. */
function node(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  return execute(process.execPath, args, { cwd: folder });
}

const igpt = (...args: string[]) => node('node_modules/image-gpt-serverless/lib/cli/igpt.js', ...args);

describe('the package', () => {
  test('has at most 10 MB, with igpt-nano and without sources, tests and benchmarks', () => {
    const { files, tarballBytes } = installed;

    expect(tarballBytes).toBeLessThan(10e6);
    expect(files).toContain('lib/models/igpt-nano/model.safetensors');
    expect(files.filter((file) => /(?<!\.d)\.ts$|^test\/(?!fixtures\/pictures\/)/.test(file))).toEqual([]);
  });

  test('installs, without aws-cdk-lib', () => {
    const bytes = installed.dependencies.map((path) => [path.replace('node_modules/', ''), sizeOf(path)] as const);
    const largest = bytes.toSorted(([, a], [, b]) => b - a).slice(0, 8);
    const total = bytes.reduce((sum, [, size]) => sum + size, sizeOf('node_modules/image-gpt-serverless'));
    process.stdout.write(
      `installed: ${Math.round(total / 1e6)} MB; ${largest.map(([name, size]) => `${name} ${(size / 1e6).toFixed(1)}`).join(', ')}\n`,
    );

    expect(installed.dependencies).not.toContain('node_modules/aws-cdk-lib');
  });

  test('says its own version', async () => {
    const { version } = JSON.parse(
      (await node('-p', 'JSON.stringify(require("image-gpt-serverless/package.json"))')).stdout,
    );
    expect((await igpt('--version')).stdout).toBe(`${version}\n`);
  });

  test.each([
    ['run', ['run', 'pictures']],
    ['classify', ['classify', 'cat.jpg']],
    [
      'train',
      [
        'train',
        '--objective',
        'ar',
        '--model',
        'igpt-nano',
        '--data',
        'pictures',
        '--out',
        'trained',
        '--steps',
        '1',
        '--batch',
        '1',
      ],
    ],
    ['batch', ['batch', 'run', 'pictures', '--out', 'job']],
    ['help', ['--help']],
  ])('runs igpt %s without a warning of Node', async (_, args) => {
    const { stderr } = await igpt(...args);
    expect(stderr).not.toMatch(/\(node:\d+\)|at file:/);
  });

  test.each([
    ['image-gpt-serverless', 'openImageGpt'],
    ['image-gpt-serverless/events', 'consume'],
    ['image-gpt-serverless/contracts', 'parseOutcome'],
  ])('loads %s with require', async (name, entry) => {
    const { stdout, stderr } = await node('-p', `typeof require("${name}").${entry}`);
    expect([stdout, stderr]).toEqual(['function\n', '']);
  });

  test('loads no AWS client', async () => {
    const { stdout } = await node(
      '--input-type=module',
      '-e',
      'import { registerHooks } from "node:module"; const seen = []; registerHooks({ resolve(name, context, next) { seen.push(name); return next(name, context); } }); await import("image-gpt-serverless"); console.log(seen.filter((name) => /aws|cdk/.test(name)).length, seen.length > 50)',
    );
    expect(stdout).toBe('0 true\n');
  });

  test('is clean by publint and attw', async () => {
    const bin = (path: string) => join(repositoryRoot, 'node_modules', path);
    expect((await node(bin('publint/src/cli.js'), 'run', installed.tarball, '--strict')).stdout).toContain('All good!');
    await node(bin('@arethetypeswrong/cli/dist/index.js'), installed.tarball, '--profile', 'esm-only');
  });
});

describe('docs/api.md', () => {
  const examples = blocksOf('docs/api.md').filter(({ language }) => language === 'ts');

  beforeAll(async () => {
    for (const path of ['@types/node', 'undici-types']) await copyPackage(`node_modules/${path}`, folder);
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
    examples.forEach(({ text }, i) => {
      writeFileSync(join(folder, `example-${i + 1}.ts`), text);
    });
  });

  // Those of events need a deployed stack.
  const local = examples.flatMap(({ text }, i) => (text.includes('openImageGpt') ? [i + 1] : []));

  test('has an example of each function', () => {
    expect([local.length, examples.length]).toEqual([5, 7]);
  });

  test.each(local)('example %i runs', async (number) => {
    const { stdout, stderr } = await node(`example-${number}.ts`);
    expect(stdout).not.toBe('');
    expect(stderr).toBe('');
  });

  test('compiles in strict mode, with the declarations checked too', async () => {
    const options = '--strict --noEmit --module nodenext --target es2024 --lib es2024,esnext.disposable --types node';
    const tsc = join(repositoryRoot, 'node_modules/typescript/bin/tsc');
    const names = examples.map((_, i) => `example-${i + 1}.ts`);
    await node(tsc, ...options.split(' '), '--skipLibCheck', 'false', ...names);
  });
});

/** Bytes of the files below a folder of the package's folder. */
function sizeOf(path: string): number {
  const below = readdirSync(join(folder, path), { recursive: true, withFileTypes: true });
  return below
    .filter((entry) => entry.isFile() && !entry.parentPath.slice(join(folder, path).length).includes('node_modules'))
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}
