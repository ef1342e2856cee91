import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { test } from 'vitest';
import { openCheckpoint } from '../../lib/checkpoint/checkpoint.ts';
import { importCheckpoint } from '../../lib/checkpoint/import/import-checkpoint.ts';
import { decodeNpy, encodeNpy } from '../../lib/image-gpt/npy.ts';
import { repositoryRoot } from '../../lib/local/repository.ts';
import { openForward } from '../../lib/runtime/forward.ts';
import { temporaryFolder } from '../cli/igpt-process.ts';
import { expectGolden, golden, goldenInputs, goldenNpy } from '../support/golden.ts';
import { pythonEnvironment } from '../support/python.ts';
import { randomTokens, tinyCheckpoint } from '../support/tiny-checkpoint.ts';

const environment = await pythonEnvironment();

test.skipIf('missing' in environment)(
  'the Python of docs/models.md runs BERT models as we do, and transformers takes none for a causal model',
  async () => {
    using folder = temporaryFolder();
    const [code = ''] = /(?<=```python\n)import json\n.*?(?=```)/s.exec(
      readFileSync(join(repositoryRoot, 'docs/models.md'), 'utf8'),
    ) ?? [''];
    writeFileSync(join(folder.path, 'bert.py'), code);

    const published = join(folder.path, 'published');
    await importCheckpoint(golden('oa512bert', 'model.safetensors'), published);
    // With biases, as igpt trained BERT models in Hugging Face's layout.
    await using tiny = await tinyCheckpoint({ objective: 'bert', n_head: 4, config: { layer_norm_epsilon: 1e-3 } });
    const biased = join(folder.path, 'biased');
    await importCheckpoint(tiny.directory, biased);
    const { tokens, mask } = goldenInputs('oa512bert');
    const few = randomTokens(8, 2 * 16, 8);
    const inputs = [
      { model: published, n: 64, tokens, mask },
      { model: biased, n: 16, tokens: Int32Array.from(few), mask: Uint8Array.from(few, (token) => token % 2) },
    ];
    for (const { model, n, ...arrays } of inputs) {
      for (const [name, data] of Object.entries(arrays)) {
        writeFileSync(join(model, `${name}.npy`), encodeNpy(Uint16Array.from(data), [data.length / n, n]));
      }
    }
    const script = join(import.meta.dirname, 'bert_reference.py');
    const python = 'python' in environment ? environment.python : '';
    await promisify(execFile)(python, [script, join(folder.path, 'bert.py'), published, biased]);

    for (const { model, tokens: x, mask: m } of inputs) {
      await using forward = await openForward(await openCheckpoint(model), { logits: true, classes: true });
      const ours = await forward.execute(x, m);
      for (const output of ['logits', 'classes']) {
        const theirs = decodeNpy(readFileSync(join(model, `${output}.npy`))).data;
        expectGolden(ours.get(output)?.data ?? [], Float32Array.from(theirs, Number));
      }
    }
    expectGolden(
      Float32Array.from(decodeNpy(readFileSync(join(published, 'logits.npy'))).data, Number),
      goldenNpy('oa512bert', 'logits.npy').data,
    );
  },
);
