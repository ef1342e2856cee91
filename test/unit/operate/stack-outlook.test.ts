import { describe, expect, it } from 'vitest';
import { stopAdvice } from '../../../lib/aws/stopped-task.ts';
import { notes, outlook } from '../../../lib/operate/stack-outlook.ts';
import {
  busyStackState,
  inferFunction,
  lambdaStackState,
  minutesBefore,
  service,
  stackState,
  tokensMapping,
} from '../../support/stack-state.ts';

const call = (verb: string) => `igpt ${verb} --stack Mine`;
const idle = stackState();
const busy = busyStackState();

describe('the outlook', () => {
  it('counts a tokens message as the recent average of pictures', () => {
    // 100 + 1000 + 5 x 80 = 1500 pictures at 4 a second.
    expect(outlook(busy)).toEqual({ outstanding: 1500, picturesPerSecond: 4, secondsLeft: 375 });
  });

  it('counts a tokens message as one picture without an average', () => {
    const queues = { ...idle.queues, tokens: { waiting: 2, inFlight: 0 } };

    expect(outlook(stackState({ queues }))).toEqual({ outstanding: 2, picturesPerSecond: 0, secondsLeft: null });
  });

  it('has no time left without work', () => {
    expect(outlook(idle).secondsLeft).toBe(0);
  });
});

describe('the notes', () => {
  it('are empty when the stack is healthy', () => {
    expect(notes(busy, call)).toEqual([]);
  });

  it('start with the cost brake and how to release it, and do not repeat its alarm', () => {
    const brake = { state: 'held', since: minutesBefore(120), failed: null, limit: null } as const;
    const alarms = [
      { name: 'CostBrake', description: 'held', since: null },
      { name: 'TokensWaiting', description: 'Tokens wait.', since: minutesBefore(5) },
    ];
    const deadLetters = { ...idle.deadLetters, tokens: { waiting: 4, inFlight: 0 } };
    const [first, second, third, ...more] = notes(stackState({ brake, alarms, deadLetters }), call);

    expect(first).toMatch(/^the cost brake holds since 2 h ago: .* run igpt doctor --release --stack Mine$/);
    expect(second).toBe('4 dead letters: igpt redrive --dry-run --stack Mine shows why');
    expect(third).toBe('alarm TokensWaiting since 5 min ago: Tokens wait.');
    expect(more).toEqual([]);
  });

  it('name a daily limit that holds with its amount, until when, and how to go on', () => {
    const limit = { day: '2026-11-24', usd: 7.5 };
    const brake = { state: 'held', since: minutesBefore(120), failed: null, limit } as const;

    expect(notes(stackState({ brake }), call)).toEqual([
      'the daily limit of 7.5 USD, reached on 2026-11-24 (UTC), holds the cost brake since 2 h ago: no task starts and no upload is processed until 00:00 UTC; to go on today without the limit, run igpt doctor --release --stack Mine',
    ]);
  });

  it.each([
    ['2026-11-25T00:29:00Z', 'until 00:00 UTC'],
    ['2026-11-25T00:31:00Z', 'was maxUsdPerDay removed?'],
  ])('at %s, after the day of a limit that still holds, say "%s"', (at, words) => {
    const limit = { day: '2026-11-24', usd: 5 };
    const brake = { state: 'held', since: minutesBefore(0), failed: null, limit } as const;

    expect(notes(stackState({ brake, at: new Date(at) }), call)).toEqual([expect.stringContaining(words)]);
  });
});

describe('the notes about the inference function', () => {
  it('are empty while it works, and come after the others', () => {
    const deadLetters = { ...idle.deadLetters, tokens: { waiting: 1, inFlight: 0 } };
    const infer = inferFunction({ reserved: 0 });

    expect(notes(lambdaStackState(), call)).toEqual([]);
    expect(notes(lambdaStackState({ deadLetters, infer }), call)).toEqual([
      expect.stringMatching(/^1 dead letters/),
      expect.stringMatching(/^infer: its reserved concurrency is 0/),
    ]);
  });

  it('say only that the cost brake holds while it has disabled the mapping', () => {
    const brake = { state: 'held', since: minutesBefore(5), failed: null, limit: null } as const;
    const infer = inferFunction({ mapping: tokensMapping({ state: 'Disabled' }) });

    expect(notes(lambdaStackState({ brake, infer }), call)).toEqual([
      "the cost brake holds since 5 min ago: the function ran without an outcome, or a bucket denied access, so neither uploads nor tokens are processed; read the function's log, then run igpt doctor --release --stack Mine",
    ]);
  });
});

describe('a driver that is too old for the image', () => {
  const reason =
    'Task failed to start; CannotStartContainerError: nvidia-container-cli: requirement error: unsatisfied condition: cuda>=13.0, please update your driver';
  const stopped = [{ reason, advice: stopAdvice(reason), tasks: 3, last: minutesBefore(4) }];
  const state = stackState({ services: [service('worker', { stopped })] });

  it('is explained before ECS’s own words', () => {
    expect(notes(state, call)).toEqual([
      expect.stringMatching(
        /^worker: 3 stopped, 4 min ago: the machine's NVIDIA driver is too old for CUDA 13\.0, .*cdk/,
      ),
    ]);
    expect(notes(state, call)[0]?.endsWith(`. ECS says: ${reason}`)).toBe(true);
  });
});
