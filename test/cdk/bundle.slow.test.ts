import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const host = process.arch === 'arm64' ? 'arm64' : 'x86_64';
const fixture = { model: 'test/fixtures/golden/hf16', modelId: 'hf16-0123456789ab' };

describe.each([...new Set(['arm64', host])])('the function’s bundle for %s', (architecture) => {
  let directory: string;
  let bundle: string;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'cdk-bundle-'));
    const settings = Object.entries({ ...fixture, architecture }).flatMap(([name, value]) => [
      '-c',
      `${name}=${value}`,
    ]);
    await run(
      process.execPath,
      ['node_modules/aws-cdk/bin/cdk', 'synth', '--quiet', '--output', directory, ...settings],
      {
        cwd: root,
      },
    );
    const folders = readdirSync(directory).map((name) => join(directory, name));
    bundle = folders.find((folder) => existsSync(join(folder, 'decode-child.mjs'))) ?? '';
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  test('is under 30 MB and holds the handler, the decoder and sharp for Lambda’s system', () => {
    const files = readdirSync(bundle, { recursive: true, encoding: 'utf8', withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    const bytes = files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
    const cpu = architecture === 'arm64' ? 'arm64' : 'x64';

    expect(bytes).toBeLessThan(30e6);
    expect(readdirSync(bundle)).toEqual(expect.arrayContaining(['decode-child.mjs', 'index.mjs', 'node_modules']));
    expect(readdirSync(join(bundle, 'node_modules/@img')).toSorted()).toEqual([
      'colour',
      `sharp-libvips-linux-${cpu}`,
      `sharp-linux-${cpu}`,
    ]);
  });

  test('is shared by both functions', () => {
    expect(readdirSync(directory).filter((name) => existsSync(join(directory, name, 'decode-child.mjs')))).toHaveLength(
      1,
    );
  });

  test('of the rollout is one file that loads', async () => {
    const file = readdirSync(directory)
      .map((name) => join(directory, name, 'index.mjs'))
      .find((path) => existsSync(path) && readFileSync(path, 'utf8').includes('image-gpt-proof'));
    const load = `process.stdout.write(typeof (await import(${JSON.stringify(file)})).handler)`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', load], {
      env: { AWS_REGION: 'us-east-1' },
    });

    expect(stdout).toBe('function');
  });

  test.runIf(architecture === host && process.platform === 'linux')(
    'runs: the handler loads, and the decoder starts',
    async () => {
      const load =
        "const { handler } = await import('./index.mjs'); process.stdout.write(typeof handler); process.exit(0)";
      const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', load], { cwd: bundle });
      expect(stdout).toContain('function');

      const recipe = { width: 16, height: 16, resample: 2, crop: 'none' };
      const limits = { maxBytes: 1e6, maxPixels: 1e6, maxMemoryBytes: 2 ** 30, allowSvg: false, scaledDecoding: false };
      const child = spawn(process.execPath, ['decode-child.mjs', JSON.stringify({ recipe, ...limits })], {
        cwd: bundle,
      });
      const ready = await new Promise<string>((resolve, reject) => {
        child.once('exit', (code) => reject(new Error(`Expected the decoder to start, but it ended with ${code}.`)));
        child.stdout.once('data', (data) => resolve(String(data)));
      });
      child.removeAllListeners('exit');
      child.kill('SIGKILL');
      expect(ready).toContain('"ready":true');
    },
  );
});
