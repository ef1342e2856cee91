import { describe, expect, test } from 'vitest';
import { type Checkpoint, openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { type TinyCheckpointOptions, tinyCheckpoint } from '../../support/tiny-checkpoint.ts';

async function opened(options: TinyCheckpointOptions): Promise<Checkpoint> {
  await using tiny = await tinyCheckpoint({ ...options, config: { _name_or_path: 'tiny', ...options.config } });
  return await openCheckpoint(tiny.directory);
}

const classifier = { architectures: ['ImageGPTForImageClassification'] };

describe('the input of the class head', () => {
  test.each<[string, TinyCheckpointOptions, 'sos' | 'plain' | undefined, RegExp]>([
    [
      'the classifier of transformers',
      { config: classifier },
      'plain',
      /architecture is ImageGPTForImageClassification/,
    ],
    [
      'one of several architectures',
      { config: { architectures: ['Other', 'ImageGPTForImageClassification'] } },
      'plain',
      /architecture is/,
    ],
    ['no architecture', {}, 'sos', /architecture is not ImageGPTForImageClassification/],
    ['null for the architectures', { config: { architectures: null } }, 'sos', /architecture is not/],
    ['a causal model with a head', { config: { architectures: ['ImageGPTForCausalImageModeling'] } }, 'sos', /is not/],
    ['a classifier that igpt trained', { objective: 'ar', config: classifier }, 'sos', /igpt trained it/],
    ['a classifier with another key of igpt', { crop: 'none', config: classifier }, 'plain', /architecture is/],
    ['OpenAI’s layout', { layout: 'openai', config: classifier }, 'sos', /layout is OpenAI’s/],
    [
      'the key, for a classifier',
      { config: { ...classifier, igpt: { input: 'sos' } } },
      'sos',
      /igpt\.input is sos in config\.json/,
    ],
    [
      'the key, for a model that igpt trained',
      { config: { ...classifier, igpt: { objective: 'ar', input: 'plain' } } },
      'plain',
      /igpt\.input is plain/,
    ],
    ['the key, in OpenAI’s layout', { layout: 'openai', config: { igpt: { input: 'plain' } } }, 'plain', /is plain/],
    ['BERT', { objective: 'bert', config: classifier }, undefined, /no start token/],
    ['BERT in OpenAI’s layout', { layout: 'openai', objective: 'bert' }, undefined, /no start token/],
  ])('of %s', async (_, options, input, reason) => {
    const { config, inputReason } = await opened(options);

    expect(config.input).toBe(input);
    expect(inputReason).toMatch(reason);
  });

  test.each<[string, TinyCheckpointOptions]>([
    ['sos', { config: { igpt: { objective: 'bert', input: 'sos' } } }],
    ['plain', { config: { igpt: { objective: 'bert', input: 'plain' } } }],
    ['plain', { layout: 'openai', objective: 'bert', config: { igpt: { input: 'plain' } } }],
  ])('%s is refused for a BERT model', async (_, options) => {
    await expect(opened(options)).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringMatching(/igpt\.input is "\w+" in config\.json, but a BERT model has no start token/),
    });
  });

  test.each([
    ['an unknown input', { igpt: { input: 'raw' } }, /igpt\.input/],
    ['an architecture that is no list', { architectures: 'ImageGPTForImageClassification' }, /architectures/],
  ])('%s is refused', async (_, config, message) => {
    await expect(opened({ config })).rejects.toMatchObject({ code: 'config_invalid' });
    await expect(opened({ config })).rejects.toThrow(message);
  });
});
