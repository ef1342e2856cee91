import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { OpenFunction } from '../../../functions/infer/open-function.ts';
import { createFakeModel } from '../../support/fake-model.ts';

const openFunctionModule = '../../../functions/infer/open-function.ts';
const context = { getRemainingTimeInMillis: () => 60_000 };
const record = {
  messageId: 'id',
  receiptHandle: 'receipt',
  eventSourceARN: 'arn:aws:sqs:eu-west-1:123456789012:tokens',
  body: 'body',
  attributes: { ApproximateReceiveCount: '1', SentTimestamp: '0' },
};

describe('the inference function', () => {
  /** How the function opens, attempt by attempt. */
  let attempts: (() => Promise<Partial<OpenFunction>>)[];
  let opened: number;
  let critical: Record<string, unknown>[];

  beforeEach(() => {
    opened = 0;
    critical = [];
    const keep = (text: unknown): boolean => {
      const lines = String(text).split('\n');
      critical.push(...lines.filter((line) => line.includes('"CRITICAL"')).map((line) => JSON.parse(line)));
      return true;
    };
    vi.spyOn(process.stdout, 'write').mockImplementation(keep);
    vi.spyOn(process.stderr, 'write').mockImplementation(keep);
    vi.resetModules();
  });

  afterEach(() => {
    vi.restoreAllMocks();
    vi.doUnmock(openFunctionModule);
    vi.resetModules();
  });

  /** Loads the handler as a new process does. */
  async function load(bundled = false) {
    vi.doMock(openFunctionModule, () => ({
      isBundled: () => bundled,
      async openFunction() {
        const next = attempts[opened++];
        if (next === undefined) throw new Error('opened too often');
        const queue = { delete: async () => {}, changeVisibility: async () => {} };
        const siblingUrl = 'https://sqs.eu-west-1.amazonaws.com/123456789012/uploads';
        return {
          model: createFakeModel(),
          flow: async () => {},
          queueAt: () => queue,
          siblingUrl,
          reserveMs: () => 0,
          ...(await next()),
        };
      },
    }));
    const { handler } = await import('../../../functions/infer/handler.ts');
    const { ThreadUnusableError } = await import('../../../lib/runtime/thread-pool.ts');
    return { handler, ThreadUnusableError };
  }

  it('opens a bundled model while the process starts, and one on S3 in the first invocation', async () => {
    attempts = [async () => ({})];
    await load(true);
    expect(opened).toBe(1);

    vi.resetModules();
    opened = 0;
    const { handler } = await load(false);
    expect(opened).toBe(0);
    await handler({ Records: [record] }, context);
    expect(opened).toBe(1);
  });

  it('proves its model on demand', async () => {
    attempts = [async () => ({})];
    const { handler } = await load();

    expect(await handler({ prove: true }, context)).toEqual({ proved: true, model: 'fake-1' });
  });

  it('fails an invocation with the error of its start, says it in one line, and tries again in the next', async () => {
    const denied = () => Promise.reject(new Error('denied'));
    attempts = [denied, denied, async () => ({})];
    const { handler } = await load(true);

    await expect(handler({ Records: [record] }, context)).rejects.toThrow('denied');
    expect(await handler({ Records: [record] }, context)).toEqual({ batchItemFailures: [] });
    expect(critical).toMatchObject([{ error: { message: 'denied' } }, { error: { message: 'denied' } }]);
  });

  it('returns the messages of a thread that is unusable, and opens the model anew in the next invocation', async () => {
    const { handler, ThreadUnusableError } = await load();
    const broken = async () => {
      throw new ThreadUnusableError('worker_unusable', 'Expected a thread to open, but it stopped.');
    };
    attempts = [async () => ({ flow: broken }), async () => ({})];
    const two = { Records: [record, { ...record, messageId: 'other' }] };

    expect(await handler(two, context)).toEqual({
      batchItemFailures: [{ itemIdentifier: 'id' }, { itemIdentifier: 'other' }],
    });
    expect(critical).toMatchObject([{ code: 'worker_unusable' }]);
    expect(await handler(two, context)).toEqual({ batchItemFailures: [] });
    expect(opened).toBe(2);
  });
});
