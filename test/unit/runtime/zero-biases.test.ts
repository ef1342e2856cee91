import { expect, test } from 'vitest';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { openForward } from '../../../lib/runtime/forward.ts';
import { withoutZeroBiases } from '../../../lib/runtime/zero-biases.ts';
import { randomTokens, tinyCheckpoint } from '../../support/tiny-checkpoint.ts';

test('biases that are all zero are left out', async () => {
  await using checkpoint = await tinyCheckpoint({ biases: 'zero' });
  const { weights } = await openCheckpoint(checkpoint.directory);
  expect(JSON.stringify(weights.blocks)).toContain('.bias');
  const { blocks } = await withoutZeroBiases(weights);
  expect(blocks.length).toBe(2);
  expect(JSON.stringify(blocks)).not.toContain('.bias');
  expect(JSON.stringify(blocks)).toContain('c_attn.weight');
});

test('a bias with one number other than 0 stays', async () => {
  await using checkpoint = await tinyCheckpoint({
    biases: 'zero',
    tensors: (tensors) => {
      tensors.find(({ name }) => name.endsWith('h.1.mlp.c_fc.bias'))!.data[5] = 1e-30;
      return tensors;
    },
  });
  const { weights } = await openCheckpoint(checkpoint.directory);
  const { blocks } = await withoutZeroBiases(weights);
  expect(JSON.stringify(blocks).match(/[\w.]+\.bias/g)).toEqual(['transformer.h.1.mlp.c_fc.bias']);
});

test.each(['random', 'absent'] as const)('weights with %s biases are unchanged', async (biases) => {
  await using checkpoint = await tinyCheckpoint({ biases });
  const { weights } = await openCheckpoint(checkpoint.directory);
  expect(await withoutZeroBiases(weights)).toEqual(weights);
});

test('zero biases give the same numbers as absent ones', async () => {
  const outputs = [];
  for (const kept of [/./, /(?<!\.bias)$/]) {
    await using checkpoint = await tinyCheckpoint({
      biases: 'zero',
      tensors: (tensors) => tensors.filter(({ name }) => kept.test(name)),
    });
    const forward = await openForward(await openCheckpoint(checkpoint.directory), { classes: true, logits: true });
    outputs.push(await forward.execute(randomTokens(1, 16, 8)));
    await forward.close();
  }
  expect(outputs[0]).toEqual(outputs[1]);
});

test('a removed weight file is one clear error', async () => {
  const checkpoint = await tinyCheckpoint();
  const model = await openCheckpoint(checkpoint.directory);
  await checkpoint[Symbol.asyncDispose]();
  await expect(openForward(model, { classes: true })).rejects.toMatchObject({
    code: 'session_failed',
    message: 'Expected to read the weight files, but one was changed or removed. Restore the checkpoint.',
  });
});
