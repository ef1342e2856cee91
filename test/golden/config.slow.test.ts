import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { openCheckpoint } from '../../lib/checkpoint/checkpoint.ts';
import { configKeys, tableSource } from '../../lib/checkpoint/config-keys.ts';
import { activationOf } from '../../lib/image-gpt/activation.ts';
import { topClasses } from '../../lib/image-gpt/classification.ts';
import { decodeNpy } from '../../lib/image-gpt/npy.ts';
import { openForward } from '../../lib/runtime/forward.ts';
import { openTrainingSession } from '../../lib/runtime/training-session.ts';
import { distance, expectGolden, magnitude } from '../support/golden.ts';
import { pythonEnvironment } from '../support/python.ts';
import { readTensors } from '../support/safetensors-file.ts';

const environment = await pythonEnvironment();
const missing = 'missing' in environment ? environment.missing : undefined;

const factsSchema = z.object({
  version: z.string(),
  keys: z.array(z.string()),
  activations: z.array(z.string()),
  trials: z.record(z.string(), z.number()),
  problems: z.array(
    z.object({
      problem: z.string().nullable(),
      labels: z.int(),
      found: z.array(z.array(z.object({ label: z.string(), score: z.number() }))),
    }),
  ),
  single_label_of_one_is_refused: z.boolean(),
});

/** The activations of transformers that we refuse. */
const refusedActivations = ['gelu_10', 'hardswish', 'laplace', 'leaky_relu', 'linear', 'mish', 'relu2', 'relu6'].concat(
  ['sigmoid', 'sqrtsoftplus', 'tanh', 'prelu', 'xielu'],
);

describe.skipIf(missing !== undefined)(
  `config.json as transformers reads it${missing === undefined ? '' : ` (skipped: ${missing})`}`,
  () => {
    let out = '';
    let facts: z.infer<typeof factsSchema>;

    beforeAll(async () => {
      out = await mkdtemp(join(tmpdir(), 'igpt-config-'));
      const python = 'python' in environment ? environment.python : '';
      await promisify(execFile)(python, [join(import.meta.dirname, 'config_reference.py'), out]);
      facts = factsSchema.parse(JSON.parse(await readFile(join(out, 'facts.json'), 'utf8')));
    });

    afterAll(() => rm(out, { recursive: true, force: true }));

    const numbers = async (...names: string[]) =>
      Float32Array.from(decodeNpy(await readFile(join(out, ...names))).data, Number);
    const tokens = async () => Int32Array.from(await numbers('tokens.npy'));

    async function forward(name: string, output: 'logits' | 'classes'): Promise<Float32Array> {
      await using pass = await openForward(await openCheckpoint(join(out, name)), { [output]: true });
      return (await pass.execute(await tokens())).get(output)?.data ?? new Float32Array(0);
    }

    test('the table has every key of its release', () => {
      expect(`transformers ${facts.version}`).toBe(tableSource);
      expect(facts.keys.filter((key) => configKeys[key] === undefined)).toEqual([]);
      expect(facts.keys.length).toBeGreaterThan(70);
    });

    test('odd values of keys that are harmless, or in no table, change no logit of transformers', () => {
      for (const [key, difference] of Object.entries(facts.trials)) {
        const rule = configKeys[key];
        expect(rule === undefined || 'harmless' in rule, key).toBe(true);
        expect(difference, key).toBeLessThan(1e-5);
      }
      expect(Object.keys(facts.trials).length).toBeGreaterThan(20);
    });

    test('every activation gives the logits and gradients of transformers, or is refused', async () => {
      const refused: string[] = [];
      for (const name of facts.activations) {
        if (activationOf(name) === undefined) {
          refused.push(name);
          continue;
        }
        const directory = `activation-${name}`;
        expectGolden(await forward(directory, 'logits'), await numbers(directory, 'logits.npy'));
        await using session = await openTrainingSession(await openCheckpoint(join(out, directory)), {
          loss: 'generative',
        });
        const { gradients } = await session.gradients({ tokens: await tokens() });
        for (const [tensor, values] of await readTensors(join(out, directory, 'gradients.safetensors'))) {
          const gradient = gradients.get(tensor) ?? new Float32Array(values.length);
          expect(distance(gradient, values), `${name} ${tensor}`).toBeLessThanOrEqual(1e-5 * magnitude(values));
        }
      }
      expect(refused.toSorted()).toEqual(refusedActivations.toSorted());
    });

    test('the other names of keys are read', async () => {
      expectGolden(await forward('aliases', 'logits'), await numbers('aliases', 'logits.npy'));
    });

    test('classes have the probabilities of transformers’ pipeline, or are refused', async () => {
      for (const [i, { problem, found }] of facts.problems.entries()) {
        const name = `problem-${i}`;
        const { labels, classFunction, noClasses } = await openCheckpoint(join(out, name));
        const logits = await forward(name, 'classes');
        expectGolden(logits, await numbers(name, 'classes.npy'));
        if (problem === 'regression') {
          expect(noClasses).toMatch(/problem_type regression/);
          continue;
        }
        expect(noClasses).toBeUndefined();
        found.forEach((theirs, picture) => {
          const own = logits.subarray(picture * labels.length, (picture + 1) * labels.length);
          const ours = topClasses(own, 5, classFunction);
          expect(ours.map(({ index }) => labels[index])).toEqual(theirs.map(({ label }) => label));
          expect(
            distance(
              ours.map((c) => c.probability),
              theirs.map((c) => c.score),
            ),
          ).toBeLessThan(1e-5);
        });
      }
      expect(facts.single_label_of_one_is_refused).toBe(true);
    });
  },
);
