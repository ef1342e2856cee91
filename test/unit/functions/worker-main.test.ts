import { describe, expect, it } from 'vitest';
import { unreachableAws } from '../../support/worker-environment.ts';
import { startWorker } from '../../support/worker-process.ts';

const environment = { ...unreachableAws, MODEL_ID: 'another-0123456789ab' };

/** Exit code and output of a worker that ends by itself. */
async function lastWords(changes: Record<string, string>): Promise<{ code: number | null; said: string }> {
  const worker = startWorker({ ...environment, ...changes });
  const code = await worker.exited;
  return { code, said: worker.lines.join('\n') };
}

describe('the worker', () => {
  it('ends with all errors of its environment', async () => {
    const { code, said } = await lastWords({ INPUT_BUCKET: '', PROVIDER: 'gpu' });
    expect(code).toBe(1);
    expect(said).toContain('INPUT_BUCKET is missing');
    expect(said).toContain('PROVIDER: expected cpu or cuda');
    expect(said).toContain('"level":"CRITICAL"');
    expect(said).toContain('"ProcessUnusable":1');
  });

  it('ends when it would store outcomes among the pictures', async () => {
    const { code, said } = await lastWords({ OUTPUT_BUCKET: 'pictures' });
    expect(code).toBe(1);
    expect(said).toContain('OUTPUT_BUCKET: expected another bucket than INPUT_BUCKET');
  });

  it('ends when CUDA is missing, before it fetches the model', async () => {
    const { code, said } = await lastWords({
      PROVIDER: 'cuda',
      CUDA_VISIBLE_DEVICES: '-1',
      MODEL_LOCATION: 's3://nobody/answers',
    });
    expect(code).toBe(1);
    expect(said).toContain('onnxruntime cannot open the graph on cuda: libonnxruntime_providers_shared.so is missing');
    expect(said).toContain('"provider_unavailable"');
    expect(said).toContain('"ProcessUnusable":1');
  });

  it('refuses a model that the deployment does not expect', async () => {
    const { code, said } = await lastWords({});
    expect(code).toBe(1);
    expect(said).toContain('Expected the model another-0123456789ab');
  });

  it('continues while AWS is unreachable, and ends with 0 on SIGTERM', async () => {
    const { said } = await lastWords({});
    const [, id = ''] = /found (igpt-nano-[0-9a-f]{12})/.exec(said) ?? [];
    const worker = startWorker({ ...environment, MODEL_ID: id });
    await worker.says('trying again');
    worker.signal('SIGTERM');
    expect(await worker.exited).toBe(0);
    expect(worker.lines.join('\n')).toContain('"Retries"');
  });
});
