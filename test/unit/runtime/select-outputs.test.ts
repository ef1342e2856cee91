import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { writeProbe } from '../../../lib/checkpoint/probe.ts';
import { selectOutputs } from '../../../lib/runtime/select-outputs.ts';
import { type TinyCheckpointOptions, tinyCheckpoint } from '../../support/tiny-checkpoint.ts';

async function checkpointOf(options: TinyCheckpointOptions) {
  await using tiny = await tinyCheckpoint(options);
  return await openCheckpoint(tiny.directory);
}

describe('selectOutputs', () => {
  it('selects all outputs of the checkpoint by default', async () => {
    expect(selectOutputs(await checkpointOf({}), undefined)).toEqual(['classification', 'features', 'likelihood']);
    expect(selectOutputs(await checkpointOf({ classes: 0 }), undefined)).toEqual(['features', 'likelihood']);
    expect(selectOutputs(await checkpointOf({ objective: 'bert' }), undefined)).toEqual(['classification', 'features']);
    expect(selectOutputs(await checkpointOf({ lmHead: false, classes: 0 }), undefined)).toEqual(['features']);
  });

  it('selects each output once, in the order of results', async () => {
    const checkpoint = await checkpointOf({});

    expect(selectOutputs(checkpoint, ['likelihood', 'classification', 'likelihood'])).toEqual([
      'classification',
      'likelihood',
    ]);
  });

  it('gives no classes of a regression, with the reason; a probe beside it has classes', async () => {
    const regression = { config: { _name_or_path: 'tiny', problem_type: 'regression' } };
    const checkpoint = await checkpointOf(regression);

    expect(selectOutputs(checkpoint, undefined)).toEqual(['features', 'likelihood']);
    expect(() => selectOutputs(checkpoint, ['classification'])).toThrow(
      'tiny has no classification: config.json has problem_type regression: its outputs are values, not classes. Choose from features, likelihood.',
    );
    await using tiny = await tinyCheckpoint(regression);
    await writeProbe(join(tiny.directory, 'probe.safetensors'), {
      ...{ layers: [1], norm: 'next', labels: ['a', 'b'] },
      weight: new Float32Array(32),
      bias: new Float32Array(2),
    });
    const probed = await openCheckpoint(tiny.directory);
    expect(selectOutputs(probed, ['classification'])).toEqual(['classification']);
    expect(probed.classFunction).toBe('softmax');
  });

  it('names what a missing output needs, and the outputs to choose from', async () => {
    const checkpoint = await checkpointOf({ classes: 0, config: { _name_or_path: 'tiny' } });

    expect(() => selectOutputs(checkpoint, ['features', 'classification'])).toThrow(
      'tiny has no classification: it needs a class head: score.weight or probe.safetensors. Choose from features, likelihood.',
    );
  });
});
