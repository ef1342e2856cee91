import { expect, test } from 'vitest';
import { classInput, usedInput } from '../../../lib/image-gpt/class-input.ts';
import { modelShape } from '../../support/model-shape.ts';

const config = modelShape(2, 16, 16);
const plain = { config: { ...config, input: 'plain' as const } };
const bert = { config: { ...config, objective: 'bert' as const } };

test('classes are behind SOS unless the model says plain', () => {
  expect(classInput({ config })).toBe('sos');
  expect(classInput(plain)).toBe('plain');
});

test('a probe reads features, which are behind SOS', () => {
  expect(classInput({ ...plain, probe: {} })).toBe('sos');
});

test('a BERT model has no start token', () => {
  expect(classInput(bert)).toBeUndefined();
});

test('only outputs with classes are computed from plain tokens', () => {
  expect(usedInput(plain, ['features', 'classification'])).toBe('plain');
  expect(usedInput(plain, ['features', 'likelihood'])).toBe('sos');
  expect(usedInput(bert, ['classification'])).toBe('sos');
});
