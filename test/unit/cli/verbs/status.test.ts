import { describe, expect, it } from 'vitest';
import { statusJson, statusReport } from '../../../../lib/cli/verbs/status.ts';
import {
  busyStackState,
  deployedStack,
  inferFunction,
  lambdaStackState,
  minutesBefore,
  service,
  stackState,
  tokensMapping,
} from '../../../support/stack-state.ts';

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

  it('shows the inference function and its calls instead of tasks', () => {
    const metrics = { ...idle.metrics, inferCalls: { made: 12, failed: 1, throttled: 0 } };
    const report = statusReport(deployedStack, lambdaStackState({ metrics }));

    expect(report).not.toContain('starting');
    expect(report).toMatch(/^function +state +tokens +at most +memory +timeout +calls +failed +throttled$/m);
    expect(report).toMatch(/^Mine-LambdaInfer +Active +Enabled +2 at once +3008 MB +60 s +12 +1 +0$/m);
    expect(report).toContain('\nits log: /mine/infer\n');
    expect(report).toContain('\ninfer: 1 of 12 calls in five minutes failed: ');
  });

  it('shows what it can of a function that is missing or not readable', () => {
    const missing = { state: null, memoryMb: null, timeoutSeconds: null, mapping: null };
    const row = (infer: object) => statusReport(deployedStack, lambdaStackState({ infer: inferFunction(infer) }));

    expect(row({ ...missing, exists: false })).toMatch(/^Mine-LambdaInfer +missing +- +- +- +- +0 +0 +0$/m);
    expect(row({ ...missing, mapping: undefined })).toMatch(/^Mine-LambdaInfer +- +- +- +- +- +0 +0 +0$/m);
    expect(row({ mapping: tokensMapping({ maxConcurrency: null }), reserved: 5 })).toMatch(/Enabled +5 at once /);
    expect(row({ mapping: tokensMapping({ maxConcurrency: 9 }), reserved: 5 })).toMatch(/Enabled +5 at once /);
  });

  it('has the inference function and its troubles as JSON', () => {
    const infer = inferFunction({ mapping: tokensMapping({ state: 'Disabled' }) });

    expect(statusJson(deployedStack, busy).function).toBeNull();
    expect(statusJson(deployedStack, lambdaStackState({ infer }))).toMatchObject({
      tasks: [],
      function: {
        name: 'Mine-LambdaInfer',
        exists: true,
        state: 'Active',
        model: deployedStack.outputs.modelId,
        memory_mb: 3008,
        timeout_seconds: 60,
        log_group: '/mine/infer',
        reserved_concurrency: null,
        tokens_mapping: 'Disabled',
        max_concurrency: 2,
        calls: 0,
        failed_calls: 0,
        throttled_calls: 0,
        troubles: [{ words: expect.stringContaining('is Disabled'), lasting: true }],
      },
    });
  });
});
