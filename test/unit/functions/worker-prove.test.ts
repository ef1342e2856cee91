import { describe, expect, it } from 'vitest';
import { computeModelId } from '../../../cdk/model.ts';
import { proofExit, proofExitMeaning } from '../../../functions/proof-exit.ts';
import { readDeploymentConfig } from '../../../lib/contracts/deployment-settings.ts';
import { nanoDirectory, unreachableAws } from '../../support/worker-environment.ts';
import { startWorker } from '../../support/worker-process.ts';

// A proof that called a queue would not end.
const environment = { ...unreachableAws, MODEL_ID: computeModelId(nanoDirectory, readDeploymentConfig({})) };

/** Exit code and output of a proof. */
async function prove(changes: Record<string, string> = {}): Promise<{ code: number | null; said: string }> {
  const worker = startWorker({ ...environment, ...changes }, 'functions/worker/prove.ts');
  const code = await worker.exited;
  return { code, said: worker.lines.join('\n') };
}

describe('the proof of a worker', () => {
  it('opens the model, predicts a picture and ends with 0', async () => {
    const { code, said } = await prove();

    expect({ code, said }).toMatchObject({ code: 0, said: expect.stringContaining('"message":"proved"') });
    expect(said).toContain(`"model":"${environment.MODEL_ID}"`);
  });

  it.each([
    ['another model', { MODEL_ID: 'another-0123456789ab' }, 66, 'Expected the model another-0123456789ab'],
    [
      'no GPU',
      { PROVIDER: 'cuda', CUDA_VISIBLE_DEVICES: '-1' },
      67,
      'onnxruntime cannot open the graph on cuda: libonnxruntime_providers_shared.so is missing',
    ],
    ['a missing variable', { TOKENS_QUEUE_URL: '' }, 64, 'TOKENS_QUEUE_URL is missing'],
    ['an unreachable S3', { MODEL_LOCATION: 's3://models/igpt' }, 69, 'received no answer'],
    ['a directory without a model', { MODEL_LOCATION: import.meta.dirname }, 1, 'config.json'],
  ])('names %s, and its exit code says so', async (_, changes, exit, words) => {
    const { code, said } = await prove(changes);

    expect({ code, said }).toMatchObject({ code: exit, said: expect.stringContaining(words) });
    // Alarms belong to the workers that still run.
    expect(said).not.toContain('ProcessUnusable');
    expect(said).not.toContain('StorageDenied');
  });
});

it('an exit code has one meaning, and an unknown error the code 1', () => {
  for (const code of ['storage_denied', 'aws_denied']) expect(proofExit({ code })).toBe(68);
  expect(proofExitMeaning(68)).toContain('may not read the model');
  expect(proofExit(new Error('no code'))).toBe(1);
  expect(proofExitMeaning(1)).toBeUndefined();
  expect(proofExitMeaning(137)).toBeUndefined();
});
