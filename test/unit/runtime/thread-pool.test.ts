import { describe, expect, it } from 'vitest';
import { TransientError } from '../../../lib/ports/error.ts';
import { openThreadPool, type ThreadPool, ThreadUnusableError } from '../../../lib/runtime/thread-pool.ts';
import type { OddStart, OddTask } from './odd-thread.ts';

type Pool = ThreadPool<string, OddTask, { value: number; thread: number }>;

function openPool(threads: number, start: OddStart = 'well'): Promise<Pool> {
  const file = new URL('./odd-thread.ts', import.meta.url);
  return openThreadPool({ file, data: start, threads });
}

async function withPool(threads: number, body: (pool: Pool) => Promise<void>): Promise<void> {
  const pool = await openPool(threads);
  try {
    await body(pool);
  } finally {
    await pool.close();
  }
}

const double = (value: number): OddTask => ({ act: 'double', value });

describe('a thread pool', () => {
  it('has the info of its threads', async () => {
    await withPool(2, async (pool) => {
      expect(pool.info).toBe('odd 1.0');
    });
  });

  it('gives each task its own result', async () => {
    await withPool(2, async (pool) => {
      const values = Array.from({ length: 50 }, (_, i) => i);
      const results = await Promise.all(values.map((value) => pool.execute(double(value))));

      expect(results.map((result) => result.value)).toEqual(values.map((value) => 2 * value));
    });
  });

  it('spreads tasks over its threads', async () => {
    await withPool(3, async (pool) => {
      const results = await Promise.all([1, 2, 3].map((value) => pool.execute({ act: 'slow', value })));

      expect(new Set(results.map((result) => result.thread)).size).toBe(3);
    });
  });

  it('rejects with a failed task’s code as a transient error, and continues', async () => {
    await withPool(1, async (pool) => {
      const failing = [pool.execute({ act: 'throw', value: 1 }), pool.execute({ act: 'throw-with-code', value: 2 })];
      const [plain, coded] = await Promise.allSettled(failing);

      expect(plain).toMatchObject({ reason: { code: 'inference_failed', message: 'no 1' } });
      expect(coded).toMatchObject({ reason: { code: 'tokens_invalid', message: 'no 2' } });
      expect(plain?.status === 'rejected' && plain.reason).toBeInstanceOf(TransientError);
      expect((await pool.execute(double(3))).value).toBe(6);
    });
  });

  it.each(['exit', 'crash'] as const)(
    'loses only the task in progress when a thread stops (%s), and replaces the thread',
    async (act) => {
      await withPool(1, async (pool) => {
        const before = await pool.execute(double(1));
        const dying = pool.execute({ act, value: 2 });
        const behind = [3, 4, 5].map((value) => pool.execute(double(value)));

        await expect(dying).rejects.toMatchObject({ name: 'TransientError', code: 'worker_died' });
        const results = await Promise.all(behind);
        expect(results.map((result) => result.value)).toEqual([6, 8, 10]);
        expect(results[0]?.thread).not.toBe(before.thread);
      });
    },
  );

  it('survives a task that stops every thread', async () => {
    await withPool(2, async (pool) => {
      for (let attempt = 0; attempt < 8; attempt++) {
        await expect(pool.execute({ act: 'exit', value: 0 })).rejects.toMatchObject({ code: 'worker_died' });
      }
      expect((await pool.execute(double(1))).value).toBe(2);
    });
  });

  it('cannot be opened when its threads cannot, and rejects with their error', async () => {
    const opening = openPool(2, 'unusable');

    await expect(opening).rejects.toBeInstanceOf(ThreadUnusableError);
    await expect(opening).rejects.toMatchObject({ code: 'graph_mismatch', message: 'Expected another graph.' });
  });

  it('cannot be opened when its threads stop first', async () => {
    await expect(openPool(2, 'dies')).rejects.toMatchObject({ code: 'worker_unusable' });
  });

  it('finishes all tasks before it closes', async () => {
    const pool = await openPool(1);
    const results = [1, 2, 3].map((value) => pool.execute({ act: 'slow', value }));
    await pool.close();

    expect((await Promise.all(results)).map((result) => result.value)).toEqual([2, 4, 6]);
  });
});
