import { describe, expect, it } from 'vitest';
import { statusJson, statusReport } from '../../../../lib/cli/verbs/status.ts';
import { busyStackState, deployedStack, minutesBefore, service, stackState } from '../../../support/stack-state.ts';

const idle = stackState();
const busy = busyStackState();

describe('igpt status', () => {
  it('shows queues with their ages, tasks, throughput and time left', () => {
    const lines = statusReport(deployedStack, busy).split('\n');

    expect(lines[0]).toContain('Mine in eu-central-1 (CREATE_COMPLETE), model igpt-nano-753214900b85');
    expect(lines.find((line) => line.startsWith('backfill'))).toMatch(/1000 +0 +2 h$/);
    expect(lines.find((line) => line.startsWith('worker'))).toMatch(/2 +1 +1$/);
    expect(lines).toContain(
      '4.00 pictures/s in the last five minutes (25.0 % failed); about 1500 pictures outstanding, about 6:15 left',
    );
  });

  it('says of an idle stack that no picture is waiting', () => {
    expect(statusReport(deployedStack, idle)).toContain(
      'no picture has ended in the last five minutes; no picture is waiting',
    );
  });

  it('escapes control characters in the reason of a stopped task', () => {
    const stopped = [{ reason: 'bad\u001b[2J', advice: null, tasks: 1, last: null }];

    expect(statusReport(deployedStack, stackState({ services: [service('worker', { stopped })] }))).not.toContain(
      '\u001b',
    );
  });

  it('has the same facts as JSON', () => {
    expect(statusJson(deployedStack, busy)).toMatchObject({
      stack: 'Mine',
      outstanding_pictures: 1500,
      pictures_per_second: 4,
      seconds_left: 375,
      cost_brake: { state: 'released', since: null },
      tasks: [{ service: 'worker', desired: 2, running: 1, pending: 1 }, { service: 'on-demand' }],
    });
  });

  it('has the reasons of stopped tasks with advice as JSON', () => {
    const stopped = [{ reason: 'cuda>=13.0', advice: 'deploy again', tasks: 3, last: minutesBefore(4) }];
    const state = stackState({ services: [service('worker', { stopped })] });

    expect(statusJson(deployedStack, state).tasks[0]?.stopped).toEqual([
      { reason: 'cuda>=13.0', advice: 'deploy again', tasks: 3, last: minutesBefore(4).toISOString() },
    ]);
  });
});
