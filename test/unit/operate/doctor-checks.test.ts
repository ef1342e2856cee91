import { describe, expect, it } from 'vitest';
import { stopAdvice } from '../../../lib/aws/stopped-task.ts';
import { vcpusOf } from '../../../lib/contracts/instances.ts';
import { codeBuildQuota, fargateSpotQuota, gpuOnDemandQuota, gpuSpotQuota } from '../../../lib/operate/account.ts';
import {
  bootstrapCheck,
  buildsCheck,
  dockerCheck,
  gpuNeeds,
  instanceTypesCheck,
  quotaChecks,
  stackChecks,
} from '../../../lib/operate/doctor-checks.ts';
import {
  deployedStack,
  inferFunction,
  lambdaStackState,
  minutesBefore,
  service,
  stackState,
} from '../../support/stack-state.ts';

const call = (verb: string) => `igpt ${verb}`;
const where = { account: '123456789012', region: 'eu-central-1' };
const needs = gpuNeeds(['g6.xlarge', 'g5.2xlarge'], 4);

function levels(spot: number, onDemand: number): string[] {
  const found = [
    { quota: gpuSpotQuota, vcpus: spot },
    { quota: gpuOnDemandQuota, vcpus: onDemand },
  ];
  return quotaChecks(found, needs, where.region).map(({ level }) => level);
}

describe('the vCPU quotas', () => {
  it('must allow the largest instance type for every task', () => {
    expect(['g6.xlarge', 'g5.2xlarge', 'g4dn.12xlarge'].map(vcpusOf)).toEqual([4, 8, 48]);
    expect(needs).toEqual({ least: 4, most: 8, maxTasks: 4 });
    expect(levels(32, 32)).toEqual(['ok', 'ok']);
  });

  it('of a new account fail, with the quota to request and the alternative without GPUs', () => {
    const found = [gpuSpotQuota, gpuOnDemandQuota].map((quota) => ({ quota, vcpus: 0 }));
    const checks = quotaChecks(found, needs, where.region);

    expect(checks.map(({ level }) => level)).toEqual(['fail', 'fail']);
    expect(checks[0]?.advice).toContain('-c compute=lambda or -c compute=cpu');
    expect(checks[0]?.advice).toContain('--quota-code L-3819A6DF --desired-value 32 --region eu-central-1');
    expect(checks[1]?.advice).toContain('L-DB2E81BA');
  });

  it('replace each other: one sufficient market makes the other a warning', () => {
    expect(levels(0, 32)).toEqual(['warn', 'ok']);
    expect(levels(32, 0)).toEqual(['ok', 'warn']);
  });

  it('say for how many tasks they are enough', () => {
    const [spot] = quotaChecks([{ quota: gpuSpotQuota, vcpus: 20 }], needs, where.region);
    const [least] = quotaChecks([{ quota: gpuSpotQuota, vcpus: 4 }], needs, where.region);

    expect(spot).toMatchObject({ level: 'warn', found: '20 vCPUs: enough for 2 of 4 tasks' });
    expect(least?.found).toBe('4 vCPUs: enough for one task on the smallest instance type');
  });

  it('must also allow the tasks of data-set jobs', () => {
    const [spot] = quotaChecks([{ quota: gpuSpotQuota, vcpus: 32, batchTasks: 4 }], needs, where.region);

    expect(spot).toMatchObject({ level: 'warn', found: '32 vCPUs: enough for 4 of 8 tasks' });
    expect(spot?.advice).toContain('--desired-value 64');
  });

  it('that cannot be read are a warning', () => {
    const found = [{ quota: gpuSpotQuota, vcpus: new Error('access denied') }];

    expect(quotaChecks(found, needs, where.region)).toMatchObject([{ level: 'warn', found: 'access denied' }]);
  });

  it('have one of their own for Fargate', () => {
    const fargate = { least: 4, most: 4, maxTasks: 4 };
    const [check] = quotaChecks([{ quota: fargateSpotQuota, vcpus: 0 }], fargate, where.region);

    expect(check).toMatchObject({ level: 'fail', advice: expect.stringMatching(/^aws service-quotas .* fargate /) });
  });
});

describe('the builds of CodeBuild', () => {
  it('fail in an account that may run none, with the quota to request and the alternative', () => {
    const none = buildsCheck(codeBuildQuota, 0, where.region);

    expect(none).toMatchObject({ level: 'fail', found: expect.stringContaining('no build') });
    expect(none.advice).toContain('-c imageBuild=docker, or aws service-quotas');
    expect(none.advice).toContain('--service-code codebuild --quota-code L-2DC20C30 --desired-value 1');
  });

  it('are ok from one on, and unknown if the quota cannot be read', () => {
    expect(buildsCheck(codeBuildQuota, 1, where.region).level).toBe('ok');
    expect(buildsCheck(codeBuildQuota, new Error('denied'), where.region)).toMatchObject({ level: 'warn' });
  });
});

describe('the instance types', () => {
  const about = { region: 'eu-west-1', batch: false, known: ['g6.xlarge', 'g5.xlarge', 'g4dn.xlarge'] };

  it('are ok if the region has all of them', () => {
    expect(instanceTypesCheck(['g5.xlarge'], ['g5.xlarge', 'g4dn.xlarge'], about).level).toBe('ok');
  });

  it('of which the region lacks some are a warning for workers, and a failure for jobs', () => {
    const some = instanceTypesCheck(['g6.xlarge', 'g5.xlarge'], ['g5.xlarge'], about);

    expect(some).toMatchObject({ level: 'warn', found: 'eu-west-1 lacks g6.xlarge' });
    expect(some.advice).toBe('deploy with -c instanceTypes=g5.xlarge');
    expect(instanceTypesCheck(['g6.xlarge', 'g5.xlarge'], ['g5.xlarge'], { ...about, batch: true }).level).toBe('fail');
  });

  it('of which the region has none fail, with what would work there', () => {
    expect(instanceTypesCheck(['g6.xlarge'], ['g5.xlarge', 'g4dn.xlarge'], about)).toMatchObject({
      level: 'fail',
      advice: 'deploy with -c instanceTypes=g5.xlarge,g4dn.xlarge',
    });
    expect(instanceTypesCheck(['g6.xlarge'], [], about)).toMatchObject({
      level: 'fail',
      advice: 'deploy with -c compute=lambda or -c compute=cpu, or to another region',
    });
  });

  it('that cannot be asked for are a warning', () => {
    expect(instanceTypesCheck(['g6.xlarge'], new Error('denied'), about)).toMatchObject({
      level: 'warn',
      found: 'denied',
    });
  });
});

describe('the bootstrap', () => {
  it.each([
    [undefined, 'fail'],
    [{ version: 5, status: 'CREATE_COMPLETE' }, 'fail'],
    [{ version: 28, status: 'UPDATE_ROLLBACK_FAILED' }, 'warn'],
    [{ version: 6, status: 'CREATE_COMPLETE' }, 'ok'],
  ])('%j is %s', (bootstrap, level) => {
    const check = bootstrapCheck(bootstrap, where);

    expect(check.level).toBe(level);
    expect(check.advice).toBe(level === 'ok' ? null : 'npx cdk bootstrap aws://123456789012/eu-central-1');
  });
});

describe('Docker', () => {
  it('is needed only when it builds the image', () => {
    expect(dockerCheck('docker', '28.1.0')).toMatchObject({ level: 'ok', found: 'Docker 28.1.0 answers' });
    expect(dockerCheck('docker', undefined)).toMatchObject({
      level: 'fail',
      advice: 'start Docker, or deploy with -c imageBuild=codebuild',
    });
    expect(dockerCheck('codebuild', undefined).level).toBe('ok');
  });
});

describe('a running stack', () => {
  it('is ok without notes', () => {
    expect(stackChecks(stackState(), call)).toMatchObject([{ level: 'ok' }]);
  });

  it('warns about machines whose driver is too old, with what to do', () => {
    const reason = 'nvidia-container-cli: requirement error: unsatisfied condition: cuda>=13.0, please update';
    const stopped = [{ reason, advice: stopAdvice(reason), tasks: 1, last: null }];
    const [found] = stackChecks(stackState({ services: [service('worker', { stopped })] }), call);

    expect(found).toMatchObject({ level: 'warn', found: expect.stringContaining('run npx cdk deploy') });
  });

  it('fails while the cost brake holds, and warns about other notes', () => {
    const brake = { state: 'held', since: minutesBefore(5), failed: null, limit: null } as const;
    const alarms = [{ name: 'FailureRate', description: 'Many failures.', since: null }];

    const checks = stackChecks(stackState({ brake, alarms }), call);

    expect(checks.map(({ level, advice }) => [level, advice])).toEqual([
      ['fail', 'igpt doctor --release'],
      ['warn', null],
    ]);
  });

  it('warns while the daily limit holds: that is what the limit is for', () => {
    const limit = { day: '2026-11-24', usd: 5 };
    const brake = { state: 'held', since: minutesBefore(5), failed: null, limit } as const;

    expect(stackChecks(stackState({ brake }), call)).toEqual([
      {
        level: 'warn',
        name: 'at work',
        found: expect.stringContaining('the daily limit of 5 USD, reached on 2026-11-24 (UTC), holds the cost brake'),
        advice: 'igpt doctor --release',
      },
    ]);
  });

  it('has a check of its inference function', () => {
    expect(stackChecks(lambdaStackState(), call)).toMatchObject([
      { level: 'ok', name: 'at work' },
      {
        level: 'ok',
        name: 'function',
        found: `Mine-LambdaInfer is Active, with 3008 MB and 60 s for ${deployedStack.outputs.modelId}`,
      },
    ]);
  });

  it('fails without a function that can work, and warns about what may pass', () => {
    const levels = (infer: object) =>
      stackChecks(lambdaStackState({ infer: inferFunction(infer) }), call).map(({ level }) => level);

    expect(levels({ exists: false })).toEqual(['ok', 'fail']);
    expect(levels({ reserved: 0, modelId: 'other-0123456789ab' })).toEqual(['ok', 'fail', 'warn']);
    expect(levels({ state: 'Pending' })).toEqual(['ok', 'warn']);
  });
});
