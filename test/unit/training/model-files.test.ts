import { describe, expect, test } from 'vitest';
import { trainedConfig } from '../../../lib/training/model-files.ts';

const huggingFace = {
  model_type: 'imagegpt',
  architectures: ['ImageGPTForCausalImageModeling'],
  vocab_size: 9,
  torch_dtype: 'bfloat16',
  _name_or_path: 'old',
  id2label: { 0: 'a' },
  igpt: { feature_layer: 1 },
};

describe('trainedConfig', () => {
  test('keeps the other fields, drops the old name, and sets float32', () => {
    expect(trainedConfig(huggingFace, { objective: 'bert' })).toEqual({
      model_type: 'imagegpt',
      architectures: ['ImageGPTForCausalImageModeling'],
      vocab_size: 9,
      torch_dtype: 'float32',
      id2label: { 0: 'a' },
      igpt: { feature_layer: 1, objective: 'bert' },
    });
  });

  test('always says what the class head reads, and nothing for BERT', () => {
    const plain = { ...huggingFace, igpt: { input: 'plain' } };
    expect(trainedConfig(huggingFace, { objective: 'ar' })).toMatchObject({ igpt: { objective: 'ar', input: 'sos' } });
    expect(trainedConfig(huggingFace, { objective: 'ar', input: 'plain' })).toMatchObject({ igpt: { input: 'plain' } });
    expect(trainedConfig(plain, { objective: 'ar', head: 'score' })).toMatchObject({ igpt: { input: 'sos' } });
    expect(trainedConfig(plain, { objective: 'bert' })).toMatchObject({ igpt: { objective: 'bert' } });
    expect(trainedConfig(plain, { objective: 'bert' })).not.toHaveProperty('igpt.input');
  });

  test('names the classes of a new head as transformers reads them', () => {
    const config = trainedConfig(
      { ...huggingFace, num_labels: 1 },
      { objective: 'ar', head: 'score', classes: ['x', 'y'] },
    );
    expect(config).toMatchObject({
      architectures: ['ImageGPTForImageClassification'],
      id2label: { 0: 'x', 1: 'y' },
      label2id: { x: 0, y: 1 },
    });
    expect(config).not.toHaveProperty('num_labels');
  });

  test('has no classes when the head is a probe', () => {
    const config = trainedConfig(huggingFace, { objective: 'ar', head: 'probe' });
    expect(config).toMatchObject({ architectures: ['ImageGPTForCausalImageModeling'] });
    expect(config).not.toHaveProperty('id2label');
  });

  test('keeps the layout of OpenAI', () => {
    const openAi = { n_vocab: 8, n_ctx: 16, bert: false };
    expect(trainedConfig(openAi, { objective: 'bert' })).toEqual({ n_vocab: 8, n_ctx: 16, bert: true });
    expect(trainedConfig(openAi, { objective: 'ar', head: 'score', classes: ['x', 'y'] })).toEqual({
      ...openAi,
      id2label: { 0: 'x', 1: 'y' },
      igpt: { objective: 'ar', input: 'sos' },
    });
  });
});
