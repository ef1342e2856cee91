import { describe, expect, it } from 'vitest';
import { stopAdvice } from '../../../lib/aws/stopped-task.ts';
import { diagnose, obstacleFor } from '../../../lib/operate/smoke-diagnosis.ts';
import { countDeadLetters } from '../../../lib/operate/stack-outlook.ts';
import {
  inferFunction,
  lambdaStackState,
  minutesBefore,
  service,
  stackState,
  tokensMapping,
} from '../../support/stack-state.ts';

const idle = stackState();
const one = { waiting: 1, inFlight: 0 };
const taken = { waiting: 0, inFlight: 1 };
const queues = (differences: Partial<typeof idle.queues>) => ({ ...idle.queues, ...differences });
const call = (verb: string) => `igpt ${verb} --stack Mine`;
const at = (state: typeof idle, progress = { outcome: false, deadBefore: 0 }) => diagnose(state, progress, call);

describe('a picture is stuck', () => {
  it('at its event when its outcome is stored', () => {
    expect(at(idle, { outcome: true, deadBefore: 0 }).at).toBe('event');
  });

  it('at the cost brake, whatever the queues contain', () => {
    const brake = { state: 'held', since: minutesBefore(9), failed: null, limit: null } as const;
    const held = stackState({ brake, queues: queues({ uploads: one, tokens: one }) });

    expect(at(held)).toMatchObject({
      at: 'cost_brake',
      words: expect.stringContaining('igpt doctor --release --stack Mine'),
    });
  });

  it('in a dead-letter queue when there are more dead letters than before', () => {
    const state = stackState({ deadLetters: { ...idle.deadLetters, uploads: { waiting: 2, inFlight: 1 } } });

    expect(countDeadLetters(state)).toBe(3);
    expect(at(state).at).toBe('dead_letters');
    expect(at(state, { outcome: false, deadBefore: 3 }).at).toBe('nowhere');
  });

  it('in the uploads queue while the tokens queue is empty', () => {
    expect(at(stackState({ queues: queues({ uploads: taken }) })).at).toBe('uploads_queue');
  });

  it('without a task, with the reason why the last tasks stopped', () => {
    const stopped = [
      { reason: 'Essential container exited; exit code 1', advice: null, tasks: 2, last: minutesBefore(3) },
    ];
    const state = stackState({ queues: queues({ tokens: one }), services: [service('worker', { stopped })] });

    expect(at(state)).toEqual({
      at: 'no_task',
      words: expect.stringContaining('2 tasks stopped: Essential container exited; exit code 1'),
    });
  });

  it('without a task, with advice when the machine’s driver is too old', () => {
    const reason = 'requirement error: unsatisfied condition: cuda>=13.0, please update your driver';
    const stopped = [{ reason, advice: stopAdvice(reason), tasks: 3, last: minutesBefore(3) }];
    const state = stackState({ queues: queues({ tokens: one }), services: [service('worker', { stopped })] });

    expect(at(state).words).toMatch(/; 3 tasks stopped: the machine's NVIDIA driver is too old for CUDA 13\.0, /);
    expect(at(state).words.endsWith(`. ECS says: ${reason}`)).toBe(true);
  });

  it('at a starting task, with ECS’s words if it reports a problem', () => {
    const trouble = 'was unable to place a task because no container instance met all of its requirements';
    const starting = (differences: object) =>
      stackState({ queues: queues({ tokens: one }), services: [service('worker', { desired: 1, ...differences })] });

    expect(at(starting({ pending: 1 })).words).toContain(
      '(1 wanted, 1 starting): a GPU instance takes about four minutes',
    );
    expect(at(starting({ trouble }))).toMatchObject({ at: 'task_starting', words: expect.stringContaining(trouble) });
  });

  it('in the tokens queue when the running tasks do not take it', () => {
    const metrics = { ...idle.metrics, oldest: { ...idle.metrics.oldest, tokens: 300 } };
    const services = [service('worker', { desired: 2, running: 2 })];

    expect(at(stackState({ queues: queues({ tokens: taken }), services, metrics }))).toEqual({
      at: 'tokens_queue',
      words: expect.stringContaining('1 messages are in the tokens queue, the oldest for 5 min, and 2 tasks run'),
    });
  });

  it('at the inference function that cannot work, wherever the picture is', () => {
    const disabled = inferFunction({ mapping: tokensMapping({ state: 'Disabled' }) });
    for (const waiting of [queues({}), queues({ uploads: one }), queues({ tokens: one })]) {
      expect(at(lambdaStackState({ queues: waiting, infer: disabled }))).toMatchObject({
        at: 'infer_function',
        words: expect.stringMatching(/^the inference function cannot work: its event source mapping is Disabled/),
      });
    }
    expect(obstacleFor(lambdaStackState({ infer: disabled }), call)).toContain('is Disabled');
    expect(obstacleFor(lambdaStackState(), call)).toBeUndefined();
  });

  it('at the inference function that takes its message, with what is known of its calls', () => {
    const waiting = { queues: queues({ tokens: taken }) };
    const failing = { ...idle.metrics, inferCalls: { made: 3, failed: 3, throttled: 0 } };

    expect(at(lambdaStackState(waiting))).toEqual({
      at: 'infer_function',
      words:
        '1 messages are in the tokens queue, which the function Mine-LambdaInfer takes: it processes other pictures, or it fails: read its log /mine/infer, or run igpt doctor --stack Mine, which calls it once',
    });
    expect(at(lambdaStackState({ ...waiting, metrics: failing })).words).toContain('3 of 3 calls in five minutes');
  });

  it('in the uploads queue of a stack whose inference function works', () => {
    expect(at(lambdaStackState({ queues: queues({ uploads: one }) })).at).toBe('uploads_queue');
  });

  it('not yet at a missing function while tasks may still work, because its compute changes', () => {
    const changing = stackState({ infer: inferFunction({ exists: false }) });

    expect(obstacleFor(changing, call)).toBeUndefined();
    expect(at(changing).at).toBe('nowhere');
  });

  it('before the queues when all are empty', () => {
    expect(at(idle)).toMatchObject({ at: 'nowhere', words: expect.stringContaining('notifications') });
  });
});
