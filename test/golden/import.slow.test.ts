import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../lib/checkpoint/checkpoint.ts';
import type { FloatDtype } from '../../lib/checkpoint/float-dtype.ts';
import { importCheckpoint } from '../../lib/checkpoint/import/import-checkpoint.ts';
import { initCheckpoint } from '../../lib/checkpoint/init-checkpoint.ts';
import { decodeNpy, encodeNpy } from '../../lib/image-gpt/npy.ts';
import { openForward } from '../../lib/runtime/forward.ts';
import { expectGolden, goldenInputs, goldenNpy } from '../support/golden.ts';
import { modelShape } from '../support/model-shape.ts';
import { pythonEnvironment } from '../support/python.ts';

const environment = await pythonEnvironment();
const missing = 'missing' in environment ? environment.missing : undefined;

const dtypes = { f32: 'F32', bf16: 'BF16', f16: 'F16' } as const satisfies Record<string, FloatDtype>;
const forms = ['zip', 'legacy', 'safetensors', 'sharded'];

describe.skipIf(missing !== undefined)(
  `round trips with PyTorch and transformers${missing === undefined ? '' : ` (skipped: ${missing})`}`,
  () => {
    let out = '';

    const python = (...args: string[]) =>
      promisify(execFile)('python' in environment ? environment.python : '', [
        join(import.meta.dirname, 'import_reference.py'),
        ...args,
      ]);

    const floats = async (path: string) => Float32Array.from(decodeNpy(await readFile(path)).data);

    // Writes every checkpoint, with the tokens that it runs beside it.
    beforeAll(async () => {
      out = await mkdtemp(join(tmpdir(), 'igpt-import-'));
      await python('write', out);
      const tokens = await readFile(join(out, 'tokens.npy'));
      const imported: string[] = [];
      for (const saved of forms.flatMap((form) => Object.keys(dtypes).map((dtype) => `${form}-${dtype}`))) {
        imported.push(join(out, `ours-${saved}`));
        await importCheckpoint(join(out, saved), join(out, `ours-${saved}`));
      }
      const tensorFlow = join(out, 'ours-tensorflow');
      await importCheckpoint(join(import.meta.dirname, '../fixtures/tensorflow'), tensorFlow);
      const fresh = join(out, 'ours-fresh');
      await initCheckpoint(fresh, {
        config: { ...modelShape(2, 64, 64), n_head: 4 },
        palette: join(import.meta.dirname, '../../lib/models/igpt-nano/preprocessor_config.json'),
        name: 'fresh',
        shardBytes: 300_000,
      });
      for (const directory of [...imported, fresh]) await writeFile(join(directory, 'tokens.npy'), tokens);
      const { tokens: theirs } = goldenInputs('oa16');
      await writeFile(join(tensorFlow, 'tokens.npy'), encodeNpy(BigInt64Array.from(theirs, BigInt), [3, 64]));
      await python('read', ...imported, tensorFlow, fresh);
    });

    afterAll(() => rm(out, { recursive: true, force: true }));

    async function ourLogits(directory: string): Promise<Float32Array> {
      const { config, weights } = await openCheckpoint(directory);
      const forward = await openForward({ config, weights }, { logits: true });
      const tokens = Int32Array.from(await floats(join(directory, 'tokens.npy')));
      const logits = (await forward.execute(tokens)).get('logits')?.data;
      await forward.close();
      return logits!;
    }

    for (const [name, dtype] of Object.entries(dtypes)) {
      test.each(forms)(
        `a checkpoint that PyTorch saved in ${name} as %s keeps its logits, here and back in transformers`,
        async (form) => {
          const imported = join(out, `ours-${form}-${name}`);
          const expected = await floats(join(out, `logits-${name}.npy`));

          expect((await openCheckpoint(imported)).weights.wte.dtype).toBe(dtype);
          expectGolden(await ourLogits(imported), expected);
          expect(await floats(join(imported, 'logits.npy'))).toEqual(expected);
        },
      );
    }

    test('transformers and we use the same names for shards', async () => {
      for (const directory of ['sharded-f32', 'ours-fresh']) {
        const names = await readdir(join(out, directory));
        expect(names).toContain('model.safetensors.index.json');
        expect(names.filter((name) => /^model-\d{5}-of-\d{5}\.safetensors$/.test(name)).length).toBeGreaterThan(1);
      }
    });

    test('a TensorFlow checkpoint, once imported, gives the golden logits in transformers', async () => {
      expectGolden(await floats(join(out, 'ours-tensorflow/logits.npy')), goldenNpy('oa16', 'logits.npy').data);
    });

    test('a new model gives equal logits for every colour in transformers, because its output matrix is zero', async () => {
      expect(new Set(await floats(join(out, 'ours-fresh/logits.npy')))).toEqual(new Set([0]));
    });
  },
);
