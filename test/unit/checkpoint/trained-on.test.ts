import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { writeProbe } from '../../../lib/checkpoint/probe.ts';
import { writeSafetensors } from '../../../lib/checkpoint/safetensors/write-safetensors.ts';
import { type TrainedOn, trainedOn, trainedOnMetadata, weightsTrainedOn } from '../../../lib/checkpoint/trained-on.ts';
import { tinyCheckpoint } from '../../support/tiny-checkpoint.ts';

const record = (by: TrainedOn['by'], tokens: string): TrainedOn => {
  return { by, tokens, labels: 'def', validation_share: 0.1, test_share: 0.2, split_seed: 3 };
};
const probe = { layers: [1], norm: 'next', labels: ['a', 'b'], bias: new Float32Array(2) } as const;

test('what a model was trained on is read from its weights, then from its probe', async () => {
  await using model = await tinyCheckpoint();
  const weight = new Float32Array(2 * 16);
  const weights = join(model.directory, 'model.safetensors');
  await writeSafetensors(weights, model.tensors, { format: 'pt', ...trainedOnMetadata([record('train', 'x')]) });
  const inner = [record('train', 'x'), record('probe', 'y')];
  await writeProbe(join(model.directory, 'probe.safetensors'), { ...probe, weight }, inner);

  const checkpoint = await openCheckpoint(model.directory);
  expect(await weightsTrainedOn(checkpoint)).toEqual([record('train', 'x')]);
  expect(await trainedOn(checkpoint)).toEqual([record('train', 'x'), record('probe', 'y')]);
});

test.each([
  ['none', {}],
  ['damaged', { 'igpt.trained_on': '[{"by":"magic"}]' }],
  ['no JSON', { 'igpt.trained_on': '[' }],
])('it is not known where the record is %s', async (_, metadata) => {
  await using model = await tinyCheckpoint();
  await writeSafetensors(join(model.directory, 'model.safetensors'), model.tensors, { format: 'pt', ...metadata });
  expect(await trainedOn(await openCheckpoint(model.directory))).toEqual([]);
});
