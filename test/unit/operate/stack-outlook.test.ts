import { describe, expect, it } from 'vitest';
import { redrawn } from '../../../lib/cli/terminal/live-view.ts';
import { statusJson, statusReport } from '../../../lib/cli/verbs/status.ts';
import { notes, outlook } from '../../../lib/operate/stack-outlook.ts';
import { stopAdvice } from '../../../lib/operate/stop-advice.ts';
import { deployedStack, minutesBefore, service, stackState } from '../../support/stack-state.ts';

const idle = stackState();
const busy = stackState({
  queues: {
    uploads: { waiting: 90, inFlight: 10 },
    backfill: { waiting: 1000, inFlight: 0 },
    tokens: { waiting: 3, inFlight: 2 },
    'result-events': { waiting: 7, inFlight: 0 },
  },
  services: [service('worker', { desired: 2, running: 1, pending: 1 }), service('on-demand')],
  metrics: {
    ...idle.metrics,
    oldest: { ...idle.metrics.oldest, backfill: 7200, tokens: 30 },
    succeededPerSecond: 3,
    failedPerSecond: 1,
    batchFill: 80,
  },
});

describe('the outlook', () => {
  it('counts a tokens message as many pictures as lately', () => {
    // 100 + 1000 + 5 x 80 = 1500 pictures at 4 a second.
    expect(outlook(busy)).toEqual({ outstanding: 1500, picturesPerSecond: 4, secondsLeft: 375 });
  });

  it('counts a tokens message as one picture where nothing is known', () => {
    const queues = { ...idle.queues, tokens: { waiting: 2, inFlight: 0 } };

    expect(outlook(stackState({ queues }))).toEqual({ outstanding: 2, picturesPerSecond: 0, secondsLeft: null });
  });

  it('has nothing left when nothing waits', () => {
    expect(outlook(idle).secondsLeft).toBe(0);
  });
});

describe('the report', () => {
  it('has queues with their ages, tasks, pace and time left', () => {
    const lines = statusReport(deployedStack, busy).split('\n');

    expect(lines[0]).toContain('Mine in eu-central-1 (CREATE_COMPLETE), model igpt-nano-124872f4c43d');
    expect(lines.find((line) => line.startsWith('backfill'))).toMatch(/1000 +0 +2 h$/);
    expect(lines.find((line) => line.startsWith('worker'))).toMatch(/2 +1 +1$/);
    expect(lines).toContain(
      '4.00 pictures/s in the last five minutes (25.0 % failed); about 1500 pictures outstanding, about 6:15 left',
    );
  });

  it('says of an idle stack that nothing is waiting', () => {
    expect(statusReport(deployedStack, idle)).toContain(
      'no picture has ended in the last five minutes; nothing is waiting',
    );
  });

  it('lets no control character of a stopped task’s reason through', () => {
    const stopped = [{ reason: 'bad\u001b[2J', advice: null, tasks: 1, last: null }];

    expect(statusReport(deployedStack, stackState({ services: [service('worker', { stopped })] }))).not.toContain(
      '\u001b',
    );
  });

  it('is the same for machines', () => {
    expect(statusJson(deployedStack, busy)).toMatchObject({
      ...{ stack: 'Mine', outstanding_pictures: 1500, pictures_per_second: 4, seconds_left: 375 },
      cost_brake: { state: 'released', since: null },
      tasks: [{ service: 'worker', desired: 2, running: 1, pending: 1 }, { service: 'on-demand' }],
    });
  });
});

describe('what somebody should know', () => {
  it('is nothing when all is well', () => {
    expect(notes(busy)).toEqual([]);
  });

  it('is the cost brake first, once, with how to release it', () => {
    const brake = { state: 'held', since: minutesBefore(120), failed: null } as const;
    const alarms = [
      { name: 'CostBrake', description: 'held', since: null },
      { name: 'NobodyWorks', description: 'Tokens wait.', since: minutesBefore(5) },
    ];
    const deadLetters = { ...idle.deadLetters, tokens: { waiting: 4, inFlight: 0 } };
    const [first, second, third, ...more] = notes(stackState({ brake, alarms, deadLetters }));

    expect(first).toMatch(/^the cost brake holds since 2 h ago: .* doctor --release --stack Mine$/);
    expect(second).toContain('4 dead letters');
    expect(third).toBe('alarm NobodyWorks since 5 min ago: Tokens wait.');
    expect(more).toEqual([]);
  });
});

describe('a container that the driver is too old for', () => {
  const reason =
    'Task failed to start; CannotStartContainerError: nvidia-container-cli: requirement error: unsatisfied condition: cuda>=13.0, please update your driver';
  const stopped = [{ reason, advice: stopAdvice(reason), tasks: 3, last: minutesBefore(4) }];
  const state = stackState({ services: [service('worker', { stopped })] });

  it('is explained, before ECS’s own words', () => {
    expect(notes(state)).toEqual([
      expect.stringMatching(
        /^worker: 3 stopped, 4 min ago: the machine's NVIDIA driver is too old for CUDA 13\.0, .*cdk/,
      ),
    ]);
    expect(notes(state)[0]?.endsWith(`. ECS says: ${reason}`)).toBe(true);
  });

  it('is explained for machines too', () => {
    expect(statusJson(deployedStack, state).tasks[0]?.stopped).toEqual([
      { reason, advice: stopAdvice(reason), tasks: 3, last: minutesBefore(4).toISOString() },
    ]);
  });
});

describe('the live view', () => {
  it('is wrapped and cut to the terminal, so that it can be drawn over', () => {
    expect(redrawn('a line too long\n\ntwo\nthree\n', { rows: 5, columns: 9 })).toBe(
      '\u001b[Ha line t\u001b[K\noo long\u001b[K\n\u001b[K\ntwo\u001b[K\n\u001b[J',
    );
  });
});
