import { describe, expect, it } from 'vitest';
import { readDeploymentConfig } from '../../../lib/contracts/deployment-settings.ts';
import { lambdaQuota } from '../../../lib/operate/account.ts';
import { type FunctionNeeds, functionChecks } from '../../../lib/operate/function-checks.ts';

const region = 'eu-central-1';
const gpu = { ...readDeploymentConfig({}), preprocessConcurrency: 50, backfillConcurrency: 2 };
const lambda = readDeploymentConfig({ compute: 'lambda' });
const checks = (found: number | Error, needs: FunctionNeeds) => functionChecks(lambdaQuota, found, needs, region);

describe('the quota of concurrent functions', () => {
  it('of a new account is a warning with the setting to lower and the quota to request', () => {
    const [few] = checks(10, gpu);

    expect(few).toMatchObject({ level: 'warn', found: expect.stringContaining('10 concurrent functions') });
    expect(few?.advice).toContain('-c preprocessConcurrency=8, or aws service-quotas');
    expect(few?.advice).toContain('--service-code lambda --quota-code L-B99A9384 --desired-value 1000');
  });

  it('is ok when it covers uploads and backfill', () => {
    expect(checks(52, gpu)).toMatchObject([{ level: 'ok' }]);
    expect(checks(51, gpu)).toMatchObject([{ level: 'warn' }]);
  });

  it('must cover the inference functions too', () => {
    const many = { ...lambda, preprocessConcurrency: 6, inferConcurrency: 20 };

    // 2 and 2 of preprocess, and 4.
    expect(checks(8, lambda)).toMatchObject([{ level: 'ok', found: '8 concurrent functions, 8 needed' }]);
    expect(checks(7, lambda)[0]?.advice).toMatch(/^deploy with -c preprocessConcurrency=2 -c inferConcurrency=3, or/);
    expect(checks(27, many)[0]?.advice).toMatch(/^deploy with -c preprocessConcurrency=5, or/);
    expect(checks(1000, { ...many, inferConcurrency: 1000 })[0]?.advice).toContain('--desired-value 1008');
  });

  it('that is too small for the least settings must be raised', () => {
    expect(checks(5, lambda)[0]?.advice).toMatch(/^aws service-quotas request-service-quota-increase/);
  });

  it('that cannot be read is a warning', () => {
    expect(checks(new Error('denied'), gpu)).toMatchObject([{ level: 'warn', found: 'denied' }]);
    expect(checks(new Error('denied'), lambda)).toHaveLength(1);
  });
});

describe('a reservation', () => {
  const reserved = { ...lambda, inferReserved: true };

  it('must leave 100 functions, as Lambda demands', () => {
    // Four, and one for a test of the deployment.
    expect(checks(105, reserved)).toMatchObject([{ level: 'ok' }]);
    expect(checks(104, reserved)).toMatchObject([
      { level: 'ok' },
      {
        level: 'fail',
        found: 'Lambda refuses to reserve 5 of 104 concurrent functions, because 100 must stay unreserved',
        advice: expect.stringMatching(/^deploy without inferReserved, or aws service-quotas/),
      },
    ]);
  });

  it('concerns only inference functions', () => {
    expect(checks(52, { ...gpu, inferReserved: true })).toHaveLength(1);
  });
});

describe('the memory of an inference function', () => {
  const large = { ...lambda, inferMemory: 6000 };

  it('may be too much for an account with few functions at once, which is a new one', () => {
    expect(checks(10, large)[1]).toMatchObject({
      level: 'warn',
      name: 'memory of functions',
      found: 'a new account allows at most 3008 MB for a function, and inferMemory is 6000',
      advice: expect.stringContaining('-c inferMemory=3008'),
    });
    expect(checks(new Error('denied'), large)).toHaveLength(2);
  });

  it('is fine up to 3,008 MB, and in an established account', () => {
    expect(checks(10, lambda)).toHaveLength(1);
    expect(checks(1000, large)).toHaveLength(1);
    expect(checks(52, { ...gpu, inferMemory: 6000 })).toHaveLength(1);
  });
});
