import { expect, it } from 'vitest';
import { activationOf } from '../../../lib/image-gpt/activation.ts';

it.each([
  ['quick_gelu', 'quick_gelu'],
  ['gelu_python', 'gelu'],
  ['gelu_fast', 'gelu_new'],
  ['gelu_pytorch_tanh', 'gelu_new'],
  ['swish', 'silu'],
])('%s is computed as %s', (name, expected) => {
  expect(activationOf(name)).toBe(expected);
});

it.each(['gelu_10', 'mish', 'relu6', 'GELU', '', 'toString'])('"%s" is not computed', (name) => {
  expect(activationOf(name)).toBeUndefined();
});
