import { execFile } from 'node:child_process';
import { lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { modelsFolder } from '../../lib/local/repository.ts';
import { bundleInfer } from '../support/infer-bundle.ts';

const run = promisify(execFile);

describe('the bundle of the inference function', () => {
  let outdir: string;
  let bundle: ReturnType<typeof bundleInfer>;
  beforeAll(() => {
    outdir = mkdtempSync(join(tmpdir(), 'infer-bundle-'));
    const directory = join(modelsFolder, 'igpt-nano');
    bundle = bundleInfer(outdir, { directory, prefix: 'models/0123456789ab/igpt-nano', location: 's3://unused/model' });
  });
  afterAll(() => rmSync(outdir, { recursive: true, force: true }));

  function files(folder = bundle.folder): string[] {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => lstatSync(join(folder, name)).isFile())
      .toSorted();
  }

  test('is under 80 MB with igpt-nano', () => {
    const bytes = files().reduce((sum, name) => sum + lstatSync(join(bundle.folder, name)).size, 0);
    process.stdout.write(`${(bytes / 1e6).toFixed(1)} MB\n`);

    expect(bytes).toBeLessThan(80e6);
  });

  test('holds handler, thread and model, and of onnxruntime the library for Lambda’s system', () => {
    const { modelLocation } = bundle;
    const [common, other] = [files().filter((name) => name.includes('onnxruntime-common')), files()];

    expect(modelLocation).toBe('./model/igpt-nano');
    expect(common).toContain('node_modules/onnxruntime-common/dist/cjs/index.js');
    expect(other.filter((name) => !common.includes(name))).toEqual([
      'index.mjs',
      'model-thread.mjs',
      'model/igpt-nano/config.json',
      'model/igpt-nano/model.safetensors',
      'model/igpt-nano/preprocessor_config.json',
      'node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime.so.1',
      'node_modules/onnxruntime-node/bin/napi-v6/linux/x64/onnxruntime_binding.node',
      'node_modules/onnxruntime-node/dist/backend.js',
      'node_modules/onnxruntime-node/dist/binding.js',
      'node_modules/onnxruntime-node/dist/index.js',
      'node_modules/onnxruntime-node/dist/version.js',
      'node_modules/onnxruntime-node/package.json',
    ]);
  });

  test.runIf(process.platform === 'linux' && process.arch === 'x64')('loads', async () => {
    const load =
      "const { handler } = await import('./index.mjs'); process.stdout.write(typeof handler); process.exit(0)";
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', load], { cwd: bundle.folder });

    expect(stdout).toContain('function');
  });
});
