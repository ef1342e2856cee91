import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
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

  it('names what a missing output needs, and the outputs to choose from', async () => {
    const checkpoint = await checkpointOf({ classes: 0, config: { _name_or_path: 'tiny' } });

    expect(() => selectOutputs(checkpoint, ['features', 'classification'])).toThrow(
      'tiny has no classification: it needs a class head: score.weight or probe.safetensors. Choose from features, likelihood.',
    );
  });
});
