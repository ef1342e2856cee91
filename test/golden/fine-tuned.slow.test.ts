import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { openCheckpoint } from '../../lib/checkpoint/checkpoint.ts';
import { decodeNpy, encodeNpy } from '../../lib/image-gpt/npy.ts';
import { openForward } from '../../lib/runtime/forward.ts';
import { igpt, temporaryFolder } from '../cli/igpt-process.ts';
import { redAndBlue } from '../cli/training-data.ts';
import { expectGolden } from '../support/golden.ts';
import { pythonEnvironment } from '../support/python.ts';
import { randomTokens, tinyCheckpoint } from '../support/tiny-checkpoint.ts';

const environment = await pythonEnvironment();

test.skipIf('missing' in environment)(
  'transformers loads a model that igpt train fine-tuned, and computes the same class logits',
  async () => {
    using folder = temporaryFolder();
    await using model = await tinyCheckpoint({ n_colors: 32, n_embd: 32, n_head: 2, config: { n_inner: null } });
    await redAndBlue(join(folder.path, 'pictures'), 8);
    const data = ['--data', 'pictures', '--cache', 'cache', '--decoders', '1'];
    const recipe = ['--epochs', '4', '--batch', '4', '--lr', '1e-2'];
    const trained = await igpt(
      ['train', '--objective', 'joint', '--new-head', '--model', model.directory, ...data, ...recipe, '--out', 'out'],
      { cwd: folder.path },
    );
    expect(trained.code, trained.stderr).toBe(0);

    const out = join(folder.path, 'out');
    const tokens = randomTokens(3, 4 * 16, 32);
    writeFileSync(join(folder.path, 'x.npy'), encodeNpy(tokens, [4, 16]));
    const python = 'python' in environment ? environment.python : '';
    const script = join(import.meta.dirname, 'fine_tuned_reference.py');
    const theirs = join(folder.path, 'logits.npy');
    await promisify(execFile)(python, [script, out, join(folder.path, 'x.npy'), theirs]);

    const { config, weights } = await openCheckpoint(out);
    const forward = await openForward({ config, weights }, { classes: true });
    const ours = (await forward.execute(Int32Array.from(tokens))).get('classes')!.data;
    await forward.close();
    expectGolden(ours, Float32Array.from(decodeNpy(readFileSync(theirs)).data));
  },
);
