import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { cp, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { repositoryRoot } from '../../lib/local/repository.ts';
import { golden } from '../support/golden.ts';
import { hubServer } from '../support/hub-server.ts';
import { tinyCheckpoint } from '../support/tiny-checkpoint.ts';
import { finished, igpt, startIgpt, temporaryFolder } from './igpt-process.ts';

const TENSORFLOW = join(repositoryRoot, 'test/fixtures/tensorflow');

describe('igpt import', () => {
  test('makes a model directory that igpt runs, and says what it is', async () => {
    using folder = temporaryFolder();
    const out = join(folder.path, 'm');
    const { code, stdout } = await igpt(['import', TENSORFLOW, '--out', out, '--json']);
    // Not a name of the hub, though it looks like one.
    const prefix = await igpt(['import', 'tensorflow/model.ckpt-3', '--out', join(folder.path, 'n')], {
      cwd: join(TENSORFLOW, '..'),
    });
    const inspected = await igpt(['inspect', out, '--json']);

    expect(code).toBe(0);
    expect(prefix.code, prefix.stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ directory: out, format: 'TensorFlow', n_layer: 3, n_head: 2 });
    expect(JSON.parse(inspected.stdout)).toMatchObject({ n_layer: 3, layout: 'huggingface' });
  });

  test('says that a probe beside the weights is not imported', async () => {
    using folder = temporaryFolder();
    const out = join(folder.path, 'out');
    await using tiny = await tinyCheckpoint();
    await cp(join(tiny.directory, 'model.safetensors'), join(tiny.directory, 'probe.safetensors'));

    const { stdout } = await igpt(['import', tiny.directory, '--out', out]);

    expect(stdout).toContain(`probe.safetensors; to keep it as the class head, copy it into ${out}\n`);
    expect(await readdir(out)).not.toContain('probe.safetensors');
  });

  test('says which model of a checkpoint it took, and what it left out', async () => {
    using folder = temporaryFolder();
    const training = join(repositoryRoot, 'test/fixtures/torch/training');
    const run = (file: string, ...args: string[]) =>
      igpt(['import', join(training, file), '--out', join(folder.path, crypto.randomUUID()), ...args]);

    expect((await run('with-loss.bin')).stdout).toMatch(
      /imported from +PyTorch, model_state_dict\nleft out +loss\nvariant/,
    );
    expect((await run('with-ema.bin')).stdout).toMatch(/not imported +ema, another model; take it with --key ema\n/);
    const average = await run('with-ema.bin', '--key', 'ema', '--json');
    expect(JSON.parse(average.stdout)).toMatchObject({ key: 'ema', other_models: ['model'], left_out: [] });
    expect(await run('with-ema.bin', '--key', 'other')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('expected --key to be one of ema, model'),
    });
  });

  test('downloads a model of the hub, keeps no second copy, and names the model after it', async () => {
    using folder = temporaryFolder();
    const files = new Map<string, Buffer>();
    for (const name of ['config.json', 'pytorch_model.bin']) {
      files.set(name, await readFile(golden('hf16', name)));
    }
    await using hub = await hubServer(files);
    hub.token = 'hf_mine';
    const env = {
      HF_ENDPOINT: hub.url,
      HF_TOKEN: 'hf_mine',
      HF_HOME: folder.path,
      XDG_CACHE_HOME: join(folder.path, 'cache'),
    };
    const { code, stdout, stderr } = await igpt(['import', 'org/model', '--out', 'm', '--json'], {
      cwd: folder.path,
      env,
    });

    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ format: 'PyTorch', name: 'model', n_layer: 4 });
    expect(readdirSync(join(folder.path, 'cache/image-gpt-serverless/hub'))).toEqual([]);
  });

  /** Puts files of golden/hf16 into a cache as Hugging Face's tools lay it out; returns the snapshot. */
  function hubCache(home: string, names: readonly string[]): string {
    const model = join(home, 'hub/models--org--model');
    const snapshot = join(model, 'snapshots', 'a'.repeat(40));
    mkdirSync(join(model, 'refs'), { recursive: true });
    mkdirSync(snapshot, { recursive: true });
    writeFileSync(join(model, 'refs/main'), 'a'.repeat(40));
    for (const name of names) symlinkSync(golden('hf16', name), join(snapshot, name));
    return snapshot;
  }

  test('takes what Hugging Face’s tools have in their cache, without a network', async () => {
    using folder = temporaryFolder();
    const snapshot = hubCache(folder.path, ['config.json', 'pytorch_model.bin']);
    const env = { HF_ENDPOINT: 'http://127.0.0.1:9', HF_HOME: folder.path, HF_HUB_OFFLINE: '1' };
    const clusters = Array.from({ length: 16 }, (_, i) => [i / 16, 0, 0]);
    writeFileSync(join(snapshot, 'preprocessor_config.json'), JSON.stringify({ clusters }));
    const { code, stdout, stderr } = await igpt(['import', 'org/model', '--out', 'm', '--json'], {
      cwd: folder.path,
      env,
    });
    const missing = await igpt(['import', 'org/other', '--out', 'n'], { cwd: folder.path, env });

    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ name: 'model', n_layer: 4, resolution: { width: 8 } });
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain('HF_HUB_OFFLINE is set, but');
  });

  test('says which file to fetch for a model whose palette is not in the cache, and takes it', async () => {
    using folder = temporaryFolder();
    const snapshot = hubCache(folder.path, ['config.json', 'pytorch_model.bin']);
    const env = { HF_ENDPOINT: 'http://127.0.0.1:9', HF_HOME: folder.path };
    const run = (args: string[], more = {}) =>
      igpt(['import', 'org/model', ...args], { cwd: folder.path, env: { ...env, ...more } });
    const offline = await run(['--out', 'm'], { HF_HUB_OFFLINE: '1' });
    writeFileSync(join(snapshot, 'preprocessor_config.json'), JSON.stringify({ do_resize: true }));
    const noClusters = await run(['--out', 'm']);
    const palette = join(folder.path, 'fetched.json');
    writeFileSync(palette, JSON.stringify({ clusters: Array.from({ length: 16 }, (_, i) => [i / 16, 0, 0]) }));
    const given = await run(['--out', 'm', '--palette', palette]);

    expect(offline.code).toBe(1);
    expect(offline.stderr).toContain(
      'Download only http://127.0.0.1:9/org/model/resolve/main/preprocessor_config.json, and pass it with --palette',
    );
    expect(noClusters.code).toBe(1);
    expect(noClusters.stderr).toMatch(
      /has no clusters .*Download kmeans_centers\.npy, or a preprocessor_config\.json with 16 clusters, .* --palette/,
    );
    expect(given.code, given.stderr).toBe(0);
  });

  test('warns of weights that are no numbers, and imports them', async () => {
    using folder = temporaryFolder();
    await using sick = await tinyCheckpoint({
      tensors: (tensors) => tensors.map((tensor, i) => (i > 6 ? tensor : { ...tensor, data: tensor.data.fill(NaN) })),
    });
    const { code, stdout, stderr } = await igpt(['import', sick.directory, '--out', join(folder.path, 'm'), '--json']);

    expect(code).toBe(0);
    expect(stderr).toMatch(/^warning: the weights hold NaN or infinity, in transformer\.wte\.weight \(144\), .+\n$/);
    expect(stderr).toContain('and 2 more tensors');
    expect(JSON.parse(stdout).non_finite).toContainEqual({ tensor: 'transformer.wpe.weight', count: 256 });
  });

  test('says in one line what is wrong, with the right exit code', async () => {
    using folder = temporaryFolder();
    const out = join(folder.path, 'm');
    for (const [args, code, words] of [
      [['import', TENSORFLOW], 2, /required option '--out <dir>'/],
      [['import', join(folder.path, 'nowhere'), '--out', out], 1, /nowhere does not exist/],
      [['import', folder.path, '--out', out], 1, /holds no weights/],
      [['import', TENSORFLOW, '--out', folder.path.replace(/[^/]+$/, '')], 1, /not a model file/],
      [['import', TENSORFLOW, '--dtype', 'int8', '--out', out], 2, /expected one of f32, f16, bf16/],
    ] as const) {
      const result = await igpt(args);
      expect(result.code, result.stderr).toBe(code);
      expect(result.stderr).toMatch(words);
      expect(result.stderr.trim().split('\n')).toHaveLength(1);
    }
    expect(await readdir(folder.path)).toEqual([]);
  });
});

describe('igpt init', () => {
  test('makes a model that takes pictures, reproducibly', async () => {
    using folder = temporaryFolder();
    const args = ['init', '--variant', 's', '--resolution', '32', '--dtype', 'bf16', '--seed', '7', '--out'];
    const one = await igpt([...args, join(folder.path, 'a'), '--json']);

    expect(one.code, one.stderr).toBe(0);
    expect(JSON.parse(one.stdout)).toMatchObject({
      variant: 'S',
      parameters: 76_682_240,
      dtype: 'BF16',
      resolution: { width: 32, height: 32 },
    });
    const again = await igpt([...args, join(folder.path, 'a')]);
    expect(again.code).toBe(1);
    expect(again.stderr).toContain('add --force');
  });

  test('leaves nothing behind when it is interrupted', async () => {
    using folder = temporaryFolder();
    const child = startIgpt(['init', '--variant', 'm', '--out', join(folder.path, 'm')]);
    const end = finished(child);
    while ((await readdir(folder.path)).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill('SIGINT');
    const { stderr } = await end;

    expect(stderr).toContain('no partly written file is left');
    expect(await readdir(folder.path)).toEqual([]);
  });
});

test('what a killed command has left is gone when the same directory has been made', async () => {
  using folder = temporaryFolder();
  const out = join(folder.path, 'm');
  const child = startIgpt(['init', '--variant', 'm', '--out', out]);
  const end = finished(child);
  while ((await readdir(folder.path)).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill('SIGKILL');
  await end;
  const { code, stderr } = await igpt(['import', TENSORFLOW, '--out', out]);

  expect(code, stderr).toBe(0);
  expect(await readdir(folder.path)).toEqual(['m']);
});

describe('igpt inspect --variant', () => {
  test('says what a published size is without a file', async () => {
    const { stdout } = await igpt(['inspect', '--variant', 'xl', '--resolution', '64', '--heads', '32', '--json']);

    expect(JSON.parse(stdout)).toMatchObject({
      name: 'igpt-xl-64x64',
      variant: 'XL',
      n_head: 32,
      n_positions: 4096,
      paper_parameters: 6_810_875_904,
    });
  });

  test('refuses what does not fit together', async () => {
    for (const [args, words] of [
      [[], /expected a model, or --variant/],
      [['igpt-nano', '--variant', 's'], /received both/],
      [['igpt-nano', '--heads', '4'], /go with --variant/],
      [['--variant', 's', '--heads', '7'], /expected a divisor of the width, 512/],
      [['--variant', 'xxl'], /expected one of s, m, l, xl/],
    ] as const) {
      const { code, stderr } = await igpt(['inspect', ...args]);
      expect(stderr).toMatch(words);
      expect(code).toBe(2);
    }
  });
});
