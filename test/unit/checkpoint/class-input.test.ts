import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Checkpoint, openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { withInput } from '../../../lib/checkpoint/class-input.ts';
import { writeProbe } from '../../../lib/checkpoint/probe.ts';
import { type TinyCheckpointOptions, tinyCheckpoint } from '../../support/tiny-checkpoint.ts';

async function opened(options: TinyCheckpointOptions): Promise<Checkpoint> {
  await using tiny = await tinyCheckpoint({ ...options, config: { _name_or_path: 'tiny', ...options.config } });
  return await openCheckpoint(tiny.directory);
}

const classifier = { architectures: ['ImageGPTForImageClassification'] };

describe('a chosen input', () => {
  test('replaces that of the model', async () => {
    const checkpoint = await opened({ config: classifier });

    expect(withInput(checkpoint, undefined)).toBe(checkpoint);
    expect(withInput(checkpoint, 'sos').config).toEqual({ ...checkpoint.config, input: 'sos' });
    expect(withInput(await opened({}), 'plain').config.input).toBe('plain');
  });

  test.each(['sos', 'plain'] as const)('%s is refused for a BERT model and without a class head', async (input) => {
    const [bert, headless] = [await opened({ objective: 'bert' }), await opened({ classes: 0 })];

    expect(() => withInput(bert, input)).toThrow(/tiny is a BERT model, which has no start token; leave it out/);
    expect(() => withInput(headless, input)).toThrow(/expected a model with a class head, but tiny has none/);
  });

  test('plain is refused for a probe, and sos is its own', async () => {
    await using tiny = await tinyCheckpoint({ config: classifier });
    const probe = { layers: [1], norm: 'next', labels: ['a', 'b'] } as const;
    const numbers = { weight: new Float32Array(32), bias: new Float32Array(2) };
    await writeProbe(join(tiny.directory, 'probe.safetensors'), { ...probe, ...numbers });
    const checkpoint = await openCheckpoint(tiny.directory);

    expect(() => withInput(checkpoint, 'plain')).toThrow(/probe\.safetensors, which was fitted on features behind SOS/);
    expect(withInput(checkpoint, 'sos').config.input).toBe('sos');
  });
});
