import { describe, expect, it } from 'vitest';
import { deadLetters, diagnose } from '../../../lib/operate/smoke-diagnosis.ts';
import { minutesBefore, service, stackState } from '../../support/stack-state.ts';

const idle = stackState();
const one = { waiting: 1, inFlight: 0 };
const taken = { waiting: 0, inFlight: 1 };
const queues = (differences: Partial<typeof idle.queues>) => ({ ...idle.queues, ...differences });
const at = (state: typeof idle, progress = { outcome: false, deadBefore: 0 }) => diagnose(state, progress);

describe('where a picture is stuck', () => {
  it('is the event when its outcome is there', () => {
    expect(at(idle, { outcome: true, deadBefore: 0 }).at).toBe('event');
  });

  it('is the cost brake whatever the queues hold', () => {
    const brake = { state: 'held', since: minutesBefore(9), failed: null } as const;
    const held = stackState({ brake, queues: queues({ uploads: one, tokens: one }) });

    expect(at(held)).toMatchObject({ at: 'cost_brake', words: expect.stringContaining('doctor --release') });
  });

  it('is the dead letters when there are more than before', () => {
    const state = stackState({ deadLetters: { ...idle.deadLetters, uploads: { waiting: 2, inFlight: 1 } } });

    expect(deadLetters(state)).toBe(3);
    expect(at(state).at).toBe('dead_letters');
    expect(at(state, { outcome: false, deadBefore: 3 }).at).toBe('nowhere');
  });

  it('is the uploads queue while preprocess does not get it through', () => {
    expect(at(stackState({ queues: queues({ uploads: taken }) })).at).toBe('uploads_queue');
  });

  it('is that no task is wanted, with why the last ones stopped', () => {
    const stopped = [
      { reason: 'Essential container exited; exit code 1', advice: null, tasks: 2, last: minutesBefore(3) },
    ];
    const state = stackState({ queues: queues({ tokens: one }), services: [service('worker', { stopped })] });

    expect(at(state)).toEqual({
      at: 'no_task',
      words: expect.stringContaining('2 tasks stopped, the last reason: Essential container exited; exit code 1'),
    });
  });

  it('is a task that is starting, in ECS’s words where it has some', () => {
    const trouble = 'was unable to place a task because no container instance met all of its requirements';
    const starting = (differences: object) =>
      stackState({ queues: queues({ tokens: one }), services: [service('worker', { desired: 1, ...differences })] });

    expect(at(starting({ pending: 1 })).words).toContain(
      '(1 wanted, 1 starting): a GPU instance takes about four minutes',
    );
    expect(at(starting({ trouble }))).toMatchObject({ at: 'task_starting', words: expect.stringContaining(trouble) });
  });

  it('is the tokens queue when tasks run and do not take it', () => {
    const metrics = { ...idle.metrics, oldest: { ...idle.metrics.oldest, tokens: 300 } };
    const services = [service('worker', { desired: 2, running: 2 })];

    expect(at(stackState({ queues: queues({ tokens: taken }), services, metrics }))).toEqual({
      at: 'tokens_queue',
      words: expect.stringContaining('1 messages are in the tokens queue, the oldest for 5 min, and 2 tasks run'),
    });
  });

  it('is before the queues when they are empty', () => {
    expect(at(idle)).toMatchObject({ at: 'nowhere', words: expect.stringContaining('notifications') });
  });
});
