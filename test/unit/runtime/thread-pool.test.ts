import { describe, expect, it } from 'vitest';
import { TransientError } from '../../../lib/ports/error.ts';
import { openThreadPool, type ThreadPool, ThreadUnusableError } from '../../../lib/runtime/thread-pool.ts';
import type { OddStart, OddTask } from '../../support/odd-worker.ts';

type Pool = ThreadPool<string, OddTask, { value: number; thread: number }>;

function openPool(workers: number, start: OddStart = 'well'): Promise<Pool> {
  const file = new URL('../../support/odd-worker.ts', import.meta.url);
  return openThreadPool({ file, data: start, workers });
}

async function withPool(workers: number, body: (pool: Pool) => Promise<void>): Promise<void> {
  const pool = await openPool(workers);
  try {
    await body(pool);
  } finally {
    await pool.close();
  }
}

const double = (value: number): OddTask => ({ act: 'double', value });

describe('a worker pool', () => {
  it('says what its workers say of themselves', async () => {
    await withPool(2, async (pool) => {
      expect(pool.info).toBe('odd 1.0');
    });
  });

  it('gives each task its own result', async () => {
    await withPool(2, async (pool) => {
      const values = Array.from({ length: 50 }, (_, i) => i);
      const results = await Promise.all(values.map((value) => pool.run(double(value))));

      expect(results.map((result) => result.value)).toEqual(values.map((value) => 2 * value));
    });
  });

  it('spreads tasks over its threads', async () => {
    await withPool(3, async (pool) => {
      const results = await Promise.all([1, 2, 3].map((value) => pool.run({ act: 'slow', value })));

      expect(new Set(results.map((result) => result.thread)).size).toBe(3);
    });
  });

  it('passes on a task’s error with its code, as one that a retry may cure, and goes on', async () => {
    await withPool(1, async (pool) => {
      const failing = [pool.run({ act: 'throw', value: 1 }), pool.run({ act: 'throw-with-code', value: 2 })];
      const [plain, coded] = await Promise.allSettled(failing);

      expect(plain).toMatchObject({ reason: { code: 'inference_failed', message: 'no 1' } });
      expect(coded).toMatchObject({ reason: { code: 'tokens_invalid', message: 'no 2' } });
      expect(plain?.status === 'rejected' && plain.reason).toBeInstanceOf(TransientError);
      expect((await pool.run(double(3))).value).toBe(6);
    });
  });

  it.each(['exit', 'crash'] as const)(
    'loses only the task on which a worker dies (%s), and replaces the worker',
    async (act) => {
      await withPool(1, async (pool) => {
        const before = await pool.run(double(1));
        const dying = pool.run({ act, value: 2 });
        const behind = [3, 4, 5].map((value) => pool.run(double(value)));

        await expect(dying).rejects.toMatchObject({ name: 'TransientError', code: 'worker_died' });
        const results = await Promise.all(behind);
        expect(results.map((result) => result.value)).toEqual([6, 8, 10]);
        expect(results[0]?.thread).not.toBe(before.thread);
      });
    },
  );

  it('survives a task that kills every worker it is given to', async () => {
    await withPool(2, async (pool) => {
      for (let attempt = 0; attempt < 8; attempt++) {
        await expect(pool.run({ act: 'exit', value: 0 })).rejects.toMatchObject({ code: 'worker_died' });
      }
      expect((await pool.run(double(1))).value).toBe(2);
    });
  });

  it('cannot be opened when its workers cannot, and says why in their words', async () => {
    const opening = openPool(2, 'unusable');

    await expect(opening).rejects.toBeInstanceOf(ThreadUnusableError);
    await expect(opening).rejects.toMatchObject({ code: 'graph_mismatch', message: 'Expected another graph.' });
  });

  it('cannot be opened when its workers die first', async () => {
    await expect(openPool(2, 'dies')).rejects.toMatchObject({ code: 'worker_unusable' });
  });

  it('finishes what it has before it closes', async () => {
    const pool = await openPool(1);
    const results = [1, 2, 3].map((value) => pool.run({ act: 'slow', value }));
    await pool.close();

    expect((await Promise.all(results)).map((result) => result.value)).toEqual([2, 4, 6]);
  });
});
