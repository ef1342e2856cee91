import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { encodeNpy } from '../../lib/image-gpt/npy.ts';
import { type TinyCheckpointOptions, tinyCheckpoint } from '../support/tiny-checkpoint.ts';
import { igpt, temporaryFolder } from './igpt-process.ts';

/** Options of a checkpoint whose head transformers trained on plain tokens. */
const classifier = { config: { architectures: ['ImageGPTForImageClassification'] } };

const joint = ['--objective', 'joint', '--labels', 'y.npy'];
const ar = ['--objective', 'ar'];

/** Trains for one step on four pictures of three classes. */
async function train(folder: string, options: TinyCheckpointOptions, args: readonly string[]) {
  await using model = await tinyCheckpoint(options);
  writeFileSync(join(folder, 'x.npy'), encodeNpy(new Uint16Array(64), [4, 16]));
  writeFileSync(join(folder, 'y.npy'), encodeNpy(Int32Array.of(0, 1, 2, 0), [4]));
  const recipe = ['--tokens', 'x.npy', '--steps', '1', '--batch', '4', '--no-augment', '--out', 'out'];
  return await igpt(['train', '--model', model.directory, ...recipe, ...args], { cwd: folder });
}

test.each([
  ['--input sos fine-tunes a classifier of transformers behind SOS', [...joint, '--input', 'sos'], 'sos'],
  ['a head that does not train keeps its plain tokens', ar, 'plain'],
])('%s', async (_, args, input) => {
  using folder = temporaryFolder();
  const { code, stderr } = await train(folder.path, classifier, args);

  expect(code, stderr).toBe(0);
  const config = JSON.parse(readFileSync(join(folder.path, 'out', 'config.json'), 'utf8'));
  expect(config.igpt).toEqual({ objective: 'ar', input });
});

test.each<[string, TinyCheckpointOptions, string[], RegExp]>([
  ['a classifier of transformers', classifier, joint, /classifies plain tokens \(no igpt.*add --input sos/],
  ['a new head for it', classifier, [...joint, '--new-head'], /classifies plain tokens/],
  ['plain tokens', {}, [...joint, '--input', 'plain'], /--input plain: expected tokens behind SOS/],
  ['an input without a head to train', {}, [...ar, '--input', 'sos'], /--input goes with --objective joint/],
  ['an input of a BERT model', { objective: 'bert' }, [...joint, '--input', 'sos'], /has no start token/],
])('igpt train refuses %s', async (_, options, args, message) => {
  using folder = temporaryFolder();
  const { code, stderr } = await train(folder.path, options, args);

  expect(stderr.trimEnd().split('\n').at(-1)).toMatch(message);
  expect(code).toBe(2);
});
