import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { selectOutputs } from '../../../lib/runtime/select-outputs.ts';
import { type TinyCheckpointOptions, tinyCheckpoint } from '../../support/tiny-checkpoint.ts';

async function checkpointOf(options: TinyCheckpointOptions) {
  await using tiny = await tinyCheckpoint(options);
  return await openCheckpoint(tiny.directory);
}

describe('selectOutputs', () => {
  it('takes everything that the checkpoint has when none are named', async () => {
    expect(selectOutputs(await checkpointOf({}), undefined)).toEqual(['classification', 'features', 'likelihood']);
    expect(selectOutputs(await checkpointOf({ classes: 0 }), undefined)).toEqual(['features', 'likelihood']);
    expect(selectOutputs(await checkpointOf({ objective: 'bert' }), undefined)).toEqual(['classification', 'features']);
    expect(selectOutputs(await checkpointOf({ lmHead: false, classes: 0 }), undefined)).toEqual(['features']);
  });

  it('puts them in the order of results, each once', async () => {
    const checkpoint = await checkpointOf({});

    expect(selectOutputs(checkpoint, ['likelihood', 'classification', 'likelihood'])).toEqual([
      'classification',
      'likelihood',
    ]);
  });

  it('says what a missing one needs and what there is', async () => {
    const checkpoint = await checkpointOf({ classes: 0, config: { _name_or_path: 'tiny' } });

    expect(() => selectOutputs(checkpoint, ['features', 'classification'])).toThrow(
      'tiny has no classification: it needs a class head: score.weight or probe.safetensors. Choose from features, likelihood.',
    );
  });
});
