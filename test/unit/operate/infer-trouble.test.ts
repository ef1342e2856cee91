import { describe, expect, it, test } from 'vitest';
import type { InferFunction } from '../../../lib/operate/infer-function.ts';
import { inferTroubles, obstacleOf } from '../../../lib/operate/infer-trouble.ts';
import { deployedStack, inferFunction, tokensMapping } from '../../support/stack-state.ts';

const { modelId } = deployedStack.outputs;
const call = (verb: string) => `igpt ${verb}`;
const calls = { made: 0, failed: 0, throttled: 0 };
const troubles = (differences: Partial<InferFunction>, context = {}) =>
  inferTroubles(inferFunction(differences), { modelId, braked: false, calls, call, ...context });

test.each<Partial<InferFunction>>([
  {},
  { state: 'Inactive' },
  { reserved: 1 },
  { mapping: tokensMapping({ state: 'Enabling' }) },
  { mapping: tokensMapping({ state: 'Updating', maxConcurrency: null }) },
  { modelId: null, memoryMb: null, logGroup: null },
])('nothing is wrong with a function with %j', (differences) => {
  expect(troubles(differences)).toEqual([]);
  expect(obstacleOf(inferFunction(differences))).toBeUndefined();
});

describe('no outcome comes', () => {
  test.each<[Partial<InferFunction>, RegExp]>([
    [{ exists: false, state: null, mapping: null }, /^Lambda has no function Mine-LambdaInfer: .*run npx cdk deploy$/],
    [{ state: 'Failed', stateReason: 'The key is disabled' }, /^it is Failed \(The key is disabled\), .*cdk deploy$/],
    [{ state: 'Deactivated' }, /^it is Deactivated, so it cannot be called/],
    [{ mapping: null }, /^no event source mapping delivers the tokens queue/],
    [
      { mapping: tokensMapping({ state: 'Disabled', stateReason: 'USER_INITIATED' }) },
      /^its event source mapping is Disabled \(USER_INITIATED\), .*update-event-source-mapping --enabled --uuid f0e1$/,
    ],
    [{ mapping: tokensMapping({ state: 'Disabling' }) }, /is Disabling/],
    [
      { reserved: 0 },
      /^its reserved concurrency is 0, .*delete-function-concurrency --function-name Mine-LambdaInfer, or/,
    ],
  ])('from a function with %j', (differences, words) => {
    expect(troubles(differences)).toEqual([{ words: expect.stringMatching(words), lasting: true }]);
    expect(obstacleOf(inferFunction(differences))).toMatch(words);
  });

  it('with the worst first', () => {
    const found = troubles({ state: 'Failed', reserved: 0, mapping: tokensMapping({ state: 'Disabled' }) });

    expect(found.map(({ words }) => words.slice(0, 12))).toEqual(['it is Failed', 'its event so', 'its reserved']);
  });
});

describe('a trouble that may pass', () => {
  test.each<[Partial<InferFunction>, RegExp]>([
    [{ state: 'Pending', stateReason: 'Creating' }, /^it is Pending \(Creating\): wait/],
    [{ updateFailed: 'InvalidImage' }, /^its last update failed, so the code before it still runs: InvalidImage/],
    [{ mapping: tokensMapping({ problem: 'PROBLEM: Function call failed' }) }, /PROBLEM: Function call failed$/],
    [{ modelId: 'other-0123456789ab' }, /^its environment names the model other-0123456789ab, but the stack’s is igpt/],
    [{ modelId: '' }, /^its environment names no model/],
    [{ mapping: undefined, unread: ['could not read the mappings'] }, /^could not read the mappings$/],
  ])('is told of a function with %j', (differences, words) => {
    expect(troubles(differences)).toEqual([{ words: expect.stringMatching(words), lasting: false }]);
    expect(obstacleOf(inferFunction(differences))).toBeUndefined();
  });

  it('is a failing call, as of a function that fails at its start', () => {
    const failing = troubles({}, { calls: { made: 5, failed: 5, throttled: 0 } });

    expect(failing).toEqual([
      {
        words: '5 of 5 calls in five minutes failed: read its log /mine/infer, or run igpt doctor, which calls it once',
        lasting: false,
      },
    ]);
  });

  it('is a throttled call, with whose limit it is', () => {
    const throttled = { calls: { made: 5, failed: 0, throttled: 9 } };

    expect(troubles({}, throttled)[0]?.words).toContain('throttled: the account’s functions at once are used up');
    expect(troubles({ reserved: 1 }, throttled)[0]?.words).toContain('throttled: 1 are reserved for it');
    // The reserved concurrency of 0 explains it.
    expect(troubles({ reserved: 0 }, throttled)).toHaveLength(1);
  });
});

test('while the cost brake holds, it alone explains a disabled mapping', () => {
  const held = { mapping: tokensMapping({ state: 'Disabled' }), reserved: 0 };

  expect(troubles(held, { braked: true })).toEqual([]);
  expect(troubles({ ...held, state: 'Failed' }, { braked: true })).toHaveLength(1);
  expect(troubles({ ...held, exists: false }, { braked: true })).toHaveLength(1);
});
