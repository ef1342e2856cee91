import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSafetensors } from '../../lib/checkpoint/import/find-source.ts';
import { importCheckpoint } from '../../lib/checkpoint/import/import-checkpoint.ts';
import { ImageGptError } from '../../lib/ports/error.ts';
import { pythonEnvironment } from '../support/python.ts';
import { sourceBytes } from '../unit/checkpoint/source-values.ts';

const environment = await pythonEnvironment();
const missing = 'missing' in environment ? environment.missing : undefined;

describe.skipIf(missing !== undefined)(
  `checkpoints of training that PyTorch saved${missing === undefined ? '' : ` (skipped: ${missing})`}`,
  () => {
    let out = '';
    let cases: Record<string, string> = {};

    beforeAll(async () => {
      out = await mkdtemp(join(tmpdir(), 'igpt-training-'));
      const script = join(import.meta.dirname, 'training_checkpoints.py');
      await promisify(execFile)('python' in environment ? environment.python : '', [script, out]);
      cases = JSON.parse(await readFile(join(out, 'cases.json'), 'utf8'));
    });
    afterAll(() => rm(out, { recursive: true, force: true }));

    it('are imported with the weights of the model, or refused by name', async () => {
      const wrong: string[] = [];
      for (const [name, expected] of Object.entries(cases)) {
        const found = await outcome(name, ['model', 'ema', 'zeros'].includes(expected) ? expected : undefined);
        if (!found.includes(expected)) wrong.push(`${name}: expected ${expected}, received ${found}`);
      }
      process.stdout.write(`${Object.keys(cases).length} checkpoints\n`);

      expect(wrong).toEqual([]);
    });

    it('give the other model with --key', async () => {
      for (const [name, key] of [
        ['two-models', 'teacher'],
        ['beside-model_ema', 'model_ema'],
        ['ema-in-lightning', 'state_dict.ema_model'],
        ['ema-inside-model', 'model.ema'],
      ] as const) {
        expect(await outcome(name, 'ema', key), name).toBe('ema');
      }
      expect(await outcome('two-models', undefined, 'none')).toMatch(/no model at none; .* student, teacher/);
    });

    /** The name of the model whose weights the import has, or the message of a refusal. */
    async function outcome(name: string, expected: string | undefined, key?: string): Promise<string> {
      const imported = join(out, crypto.randomUUID());
      try {
        await importCheckpoint(join(out, name), imported, { key });
      } catch (error) {
        if (error instanceof ImageGptError) return error.message;
        throw error;
      }
      if (expected === undefined) return 'a model';
      await using ours = await openSafetensors(join(imported, 'model.safetensors'));
      await using theirs = await openSafetensors(join(out, expected, 'model.safetensors'));
      for (const tensor of theirs.tensors.keys()) {
        if (!(await sourceBytes(ours, tensor)).equals(await sourceBytes(theirs, tensor))) return `another ${tensor}`;
      }
      return ours.tensors.size === theirs.tensors.size ? expected : `${ours.tensors.size} tensors`;
    }
  },
);
