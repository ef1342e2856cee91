import { describe, expect, test } from 'vitest';
import type { PipelineEvent, ResultEvent } from '../../lib/contracts/event.ts';
import { type Outcome, parseOutcome } from '../../lib/contracts/outcome.ts';
import { tokensMessage } from '../../lib/contracts/tokens-message.ts';
import { TransientError } from '../../lib/ports/error.ts';
import { createFakeModel, fakePreprocessing } from '../support/fake-model.ts';
import { createWorld, findProblems, startProcess, type World } from '../support/pipeline-world.ts';

function outcomes({ output }: World): Record<string, Outcome | undefined> {
  return Object.fromEntries([...output.objects].map(([key, { body }]) => [key, parseOutcome(body)]));
}

function results(published: readonly PipelineEvent[]): ResultEvent[] {
  return published.filter((event) => event.type === 'result');
}

/** Runs a process until the queues are empty. */
async function run(world: World, options: Parameters<typeof startProcess>[1] = {}): Promise<void> {
  const process = startProcess(world, options);
  expect(await world.quiet()).toBe(true);
  await process.stop();
}

/** Runs eight processes in turn, each of which dies when it predicts a light picture. */
async function runDyingProcesses(world: World): Promise<void> {
  const model = createFakeModel();
  for (let i = 0; i < 8; i++) {
    let dead = false;
    const predict: typeof model.predict = async (tokens) => {
      dead ||= tokens[0] === 1;
      return dead ? new Promise(() => {}) : model.predict(tokens);
    };
    startProcess(world, {
      model: { ...model, predict },
      fault: () => (dead ? new Promise(() => {}) : Promise.resolve()),
    });
    await world.clock.sleep(120_000);
  }
  world.clock.stop();
}

describe('a message that is delivered twice', () => {
  test('gives one outcome, and its event twice', async () => {
    const world = createWorld();
    await world.upload('a.jpg', 'good');
    await run(world);
    const [first] = Object.values(outcomes(world));
    await world.announce('a.jpg', first?.etag);
    await run(world);
    expect(Object.keys(outcomes(world))).toEqual(['results/fake-1/a.jpg.json']);
    expect(results(world.published)).toHaveLength(2);
    expect(world.published[1]).toEqual(world.published[0]);
  });

  test('keeps its outcome when the second delivery fails', async () => {
    const world = createWorld();
    await world.upload('a.jpg', 'good');
    await run(world);
    await world.announce('a.jpg');
    const model = createFakeModel({ predict: () => Promise.reject(new Error('out of memory')) });
    await run(world, { model });
    expect(Object.values(outcomes(world))).toMatchObject([{ status: 'succeeded' }]);
  });
});

describe('messages out of order', () => {
  test('leave the outcome of the current version', async () => {
    const world = createWorld();
    await world.upload('a.jpg', 'good, first');
    const old = (await world.input.head('a.jpg'))?.etag;
    await world.upload('a.jpg', 'bad, second');
    await run(world);
    await world.announce('a.jpg', old);
    await run(world);
    expect(findProblems(world)).toEqual([]);
    expect(Object.values(outcomes(world))).toMatchObject([{ status: 'failed' }]);
  });
});

describe('bad pictures among good ones', () => {
  test('get failed outcomes, and the good ones succeed', async () => {
    const world = createWorld();
    for (let i = 0; i < 40; i++) await world.upload(`${i}.jpg`, i % 4 === 0 ? 'bad' : i % 4 === 1 ? 'crash' : 'good');
    await world.upload('huge.jpg', 'x'.repeat(1001));
    await world.upload('empty.jpg', '');
    await world.upload('folder/', '');
    await run(world);
    const codes = Object.values(outcomes(world)).map((outcome) =>
      outcome?.status === 'failed' ? outcome.error.code : 'none',
    );
    const count = (code: string): number => codes.filter((each) => each === code).length;
    expect(count('none')).toBe(20);
    expect(count('corrupt_image')).toBe(10);
    expect(count('internal_error')).toBe(10);
    expect(count('image_too_large')).toBe(1);
    expect(count('empty_object')).toBe(1);
    expect(codes).toHaveLength(42);
    expect(world.uploads.deadLetters).toEqual([]);
  });

  test('one that kills the process is dead-lettered alone', async () => {
    const world = createWorld();
    const keys = ['a', 'b', 'killer', 'c'];
    for (const key of keys) await world.upload(key, key === 'killer' ? `good ${'x'.repeat(200)}` : 'good');
    await runDyingProcesses(world);
    expect(Object.keys(outcomes(world)).sort()).toEqual(['a', 'b', 'c'].map((key) => `results/fake-1/${key}.json`));
    expect(world.tokens.deadLetters).toHaveLength(1);
    expect(tokensMessage.parse(JSON.parse(world.tokens.deadLetters[0] ?? '')).pictures.map(({ key }) => key)).toContain(
      'killer',
    );
  });

  test('one that kills the process, twice in a message, leaves the picture in between its outcome', async () => {
    const world = createWorld();
    const image = { format: 'jpeg', width: 1, height: 1, bytes: 1 };
    const put = await world.input.put('between', new TextEncoder().encode('good'));
    const etag = put.status === 'stored' ? put.etag : '';
    const killer = { key: 'killer', etag: '"1"', image, tokens: Buffer.of(0b1111_0000).toString('base64') };
    const between = { key: 'between', etag, image, tokens: Buffer.of(0).toString('base64') };
    const message = { schema_version: 1, preprocessing: fakePreprocessing, pictures: [killer, between, killer] };
    await world.tokens.send([JSON.stringify(message)]);
    await runDyingProcesses(world);
    expect(Object.keys(outcomes(world))).toEqual(['results/fake-1/between.json']);
    expect(world.tokens.deadLetters).toHaveLength(1);
  });

  test.each([
    '',
    'not JSON',
    '{}',
    '{"schema_version":1,"type":"reference","key":""}',
    '{"schema_version":2,"type":"reference","key":"a"}',
  ])('an invalid message is dead-lettered: %j', async (body) => {
    const world = createWorld();
    await world.uploads.send([body]);
    await world.tokens.send([body]);
    await world.upload('a.jpg', 'good');
    await run(world);
    expect(findProblems(world)).toEqual([]);
    expect(world.uploads.deadLetters).toEqual([body]);
    expect(world.tokens.deadLetters).toEqual([body]);
  });

  test('a message with invalid tokens is dead-lettered', async () => {
    const world = createWorld();
    const image = { format: 'jpeg', width: 1, height: 1, bytes: 1 };
    // Four tokens of one bit fill half a byte. The other half must be zero.
    const picture = { key: 'a.jpg', etag: '"1"', image, tokens: Buffer.of(0b0101_1111).toString('base64') };
    await world.tokens.send([
      JSON.stringify({ schema_version: 1, preprocessing: '00000000000000aa', pictures: [picture] }),
    ]);
    await run(world);
    expect(world.tokens.deadLetters).toHaveLength(1);
    expect(outcomes(world)).toEqual({});
  });
});

describe('a picture that changes while it is processed', () => {
  test('has the outcome of its last version', async () => {
    const world = createWorld();
    await world.upload('a.jpg', 'good');
    let overwritten = false;
    await run(world, {
      async fault(point) {
        if (point !== 'before model.predict' || overwritten) return;
        overwritten = true;
        await world.upload('a.jpg', 'bad now');
      },
    });
    expect(findProblems(world)).toEqual([]);
    expect(Object.values(outcomes(world))).toMatchObject([{ status: 'failed' }]);
  });

  test('leaves nothing stuck when it is deleted', async () => {
    for (const point of ['before input.get', 'before model.predict']) {
      const world = createWorld();
      await world.upload('a.jpg', 'good');
      await run(world, {
        async fault(at) {
          if (at === point) await world.input.delete('a.jpg');
        },
      });
      expect(world.uploads.deadLetters.length + world.tokens.deadLetters.length).toBe(0);
    }
  });

  test('loses the outcome of an earlier, failed delivery when it is deleted', async () => {
    const world = createWorld();
    await world.upload('a.jpg', 'bad');
    let stored = false;
    await run(world, {
      confirmSource: true,
      async fault(point) {
        if (point !== 'after output.put' || stored) return;
        stored = true;
        await world.input.delete('a.jpg');
        throw new TransientError('timeout', 'no answer');
      },
    });
    expect(stored).toBe(true);
    expect(outcomes(world)).toEqual({});
    expect(world.published).toEqual([]);
  });

  test('keeps the outcome of the current version when it is changed and changed back', async () => {
    const world = createWorld();
    await world.upload('a.jpg', 'good');
    await run(world);
    await world.clock.sleep(1000);
    await world.upload('a.jpg', 'bad for a while');
    // The bad version's outcome is about to overwrite the good one's when the good version comes back.
    let slow = true;
    const process = startProcess(world, {
      async fault(point) {
        if (point !== 'after input.head' || !slow) return;
        slow = false;
        await world.upload('a.jpg', 'good');
        await world.clock.sleep(30_000);
      },
    });
    expect(await world.quiet()).toBe(true);
    await process.stop();
    expect(slow).toBe(false);
    expect(findProblems(world)).toEqual([]);
    expect(Object.values(outcomes(world))).toMatchObject([{ status: 'succeeded' }]);
  });
});

describe('deploying another model', () => {
  test('with another preprocessing sends the tokens of the old model back, and loses nothing', async () => {
    const world = createWorld();
    for (let i = 0; i < 10; i++) await world.upload(`${i}.jpg`, 'good');
    // The process with the old model fills the tokens queue before it is stopped.
    const old = startProcess(world, {
      fault: (point) => (point === 'before tokens.receive' ? new Promise(() => {}) : Promise.resolve()),
    });
    await world.clock.sleep(10_000);
    void old.stop();
    expect(world.uploads.size()).toBe(0);
    expect(world.tokens.size()).toBeGreaterThan(0);
    let decoded = 0;
    await run(world, {
      model: createFakeModel({ id: 'fake-2' }),
      preprocessing: '00000000000000bb',
      async fault(point) {
        if (point === 'before decoder.decode') decoded += 1;
      },
    });
    expect(decoded).toBe(10);
    expect(findProblems(world, 'fake-2')).toEqual([]);
    expect(Object.keys(outcomes(world))).toHaveLength(10);
    expect(Object.values(outcomes(world)).every((outcome) => outcome?.model === 'fake-2')).toBe(true);
  });

  test('with the same preprocessing uses the tokens of the old model', async () => {
    const world = createWorld();
    await world.upload('a.jpg', 'good');
    const old = startProcess(world, {
      fault: (point) => (point === 'before tokens.receive' ? new Promise(() => {}) : Promise.resolve()),
    });
    await world.clock.sleep(10_000);
    void old.stop();
    let decoded = 0;
    await run(world, {
      model: createFakeModel({ id: 'fake-2' }),
      async fault(point) {
        if (point === 'before decoder.decode') decoded += 1;
      },
    });
    expect(findProblems(world, 'fake-2')).toEqual([]);
    expect(decoded).toBe(0);
  });
});
