import { expect, test } from 'vitest';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { jobDefinition } from '../../../lib/contracts/environment.ts';
import { identifyStackModel } from '../../../lib/operate/stack-model.ts';
import type { ClassInput } from '../../../lib/ports/model.ts';
import { identifyModel } from '../../../lib/runtime/identify-model.ts';
import { type TinyCheckpointOptions, tinyCheckpoint } from '../../support/tiny-checkpoint.ts';

/** What a submission computes with the model of a stack that has the setting `own`, when it asks for `wanted`. */
async function identified(tiny: TinyCheckpointOptions, own: ClassInput | undefined, wanted: ClassInput | undefined) {
  await using model = await tinyCheckpoint(tiny);
  const checkpoint = await openCheckpoint(model.directory);
  const { id } = await identifyModel(checkpoint, { precision: 'f32', scaledDecoding: false, input: own });
  const definition = jobDefinition.parse({ MODEL_LOCATION: model.directory, MODEL_ID: id, INPUT: own });
  const options = { directory: model.directory, input: wanted, say: () => {} };
  return { stack: id, job: await identifyStackModel(definition, options) };
}

const classifier = { config: { architectures: ['ImageGPTForImageClassification'] } };

test('a job reads what the stack’s workers read', async () => {
  const own = await identified(classifier, undefined, undefined);
  expect(own.job).toMatchObject({ id: own.stack, input: 'plain' });
  const chosen = await identified(classifier, 'sos', undefined);
  expect(chosen.job).toMatchObject({ id: chosen.stack, input: 'sos' });
});

test('a submission may choose another input, which makes another model', async () => {
  const { stack, job } = await identified(classifier, undefined, 'sos');
  expect(job.input).toBe('sos');
  expect(job.id).not.toBe(stack);
});

test('a choice that a model does not leave is refused before anything is deployed or submitted', async () => {
  await expect(identified({ objective: 'bert' }, 'sos', undefined)).rejects.toMatchObject({ code: 'usage' });
  await expect(identified({ objective: 'bert' }, undefined, 'plain')).rejects.toThrow(/has no start token/);
});
