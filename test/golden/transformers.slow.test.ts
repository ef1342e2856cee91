import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { openCheckpoint, openTokenizerFiles } from '../../lib/checkpoint/checkpoint.ts';
import { withInput } from '../../lib/checkpoint/class-input.ts';
import { openDecoder } from '../../lib/decode/decoder-pool.ts';
import type { ForwardRequest } from '../../lib/graph/forward-graph.ts';
import { decodeNpy, type NpyArray } from '../../lib/image-gpt/npy.ts';
import { createQuantizer } from '../../lib/image-gpt/quantizer.ts';
import type { ClassInput } from '../../lib/ports/model.ts';
import { openForward } from '../../lib/runtime/forward.ts';
import { expectGolden } from '../support/golden.ts';
import { pythonEnvironment } from '../support/python.ts';

const environment = await pythonEnvironment();
const missing = 'missing' in environment ? environment.missing : undefined;

const nano = join(import.meta.dirname, '../../lib/models/igpt-nano');
/** Colour JPEGs without a profile, baseline and progressive: sharp and Pillow decode them alike. */
const pictures = ['animals/cat.jpg', 'space/rocket.jpg', 'people/astronaut.jpg'].map((name) =>
  join(import.meta.dirname, '../fixtures/pictures', name),
);

describe.skipIf(missing !== undefined)(
  `compared with transformers${missing === undefined ? '' : ` (skipped: ${missing})`}`,
  () => {
    let out = '';

    beforeAll(async () => {
      out = await mkdtemp(join(tmpdir(), 'igpt-transformers-'));
      const python = 'python' in environment ? environment.python : '';
      const script = join(import.meta.dirname, 'transformers_reference.py');
      await promisify(execFile)(python, [script, out, nano, ...pictures]);
    });

    afterAll(() => rm(out, { recursive: true, force: true }));

    const array = async (name: string): Promise<NpyArray> => decodeNpy(await readFile(join(out, name)));

    async function ours(
      model: string,
      request: ForwardRequest,
      output: string,
      input?: ClassInput,
    ): Promise<Float32Array> {
      const forward = await openForward(withInput(await openCheckpoint(join(out, model)), input), request);
      const tokens = Int32Array.from((await array('tokens.npy')).data, Number);
      const data = (await forward.execute(tokens)).get(output)?.data;
      await forward.close();
      return data!;
    }

    test('a checkpoint that transformers saved gives the same logits', async () => {
      const { data } = await array('logits.npy');
      expectGolden(await ours('causal', { logits: true }, 'logits'), Float32Array.from(data, Number));
    });

    test('a classifier that transformers saved gives the same class logits, of plain tokens and behind SOS', async () => {
      const plain = Float32Array.from((await array('classes_plain.npy')).data, Number);
      const sos = Float32Array.from((await array('classes_sos.npy')).data, Number);
      expectGolden(await ours('classifier', { classes: true }, 'classes'), plain);
      expectGolden(await ours('classifier', { classes: true }, 'classes', 'sos'), sos);
    });

    test('JPEGs give exactly the tokens of the image processor of Hugging Face', async () => {
      const theirs = z
        .record(z.string(), z.array(z.int()))
        .parse(JSON.parse(await readFile(join(out, 'picture_tokens.json'), 'utf8')));
      const { preprocessing } = await openTokenizerFiles(nano);
      const { palette, ...recipe } = preprocessing!;
      const quantize = createQuantizer(palette);
      const decoder = openDecoder(recipe, { size: 1 });
      for (const picture of pictures) {
        const { rgb } = await decoder.decode(await readFile(picture));
        const name = picture.split('/').at(-1)!;
        expect([...quantize(rgb)], name).toEqual(theirs[name]);
      }
      await decoder.close();
    });
  },
);
