import { InvalidArgumentError } from 'commander';
import { describe, expect, it } from 'vitest';
import { contextEntry } from '../../../lib/cli/verbs/doctor.ts';
import { readDeploymentConfig } from '../../../lib/contracts/deployment-settings.ts';
import { doctorConfig, readCdkContext } from '../../../lib/operate/doctor.ts';

describe('the configuration that doctor looks at', () => {
  it('has the deployment’s own defaults', () => {
    const looked = doctorConfig({}, {});

    expect(Object.keys(looked)).toHaveLength(9);
    expect(readDeploymentConfig({})).toMatchObject(looked);
  });

  it('is read from cdk.json as the deployment reads it', () => {
    expect(doctorConfig({}, readCdkContext())).toEqual(doctorConfig({}, {}));
  });

  it('takes what is given before cdk.json, and leaves other settings alone', () => {
    const given = { compute: 'cpu', maxTasks: '8', instanceTypes: 'g5.xlarge, g5.2xlarge', alarmEmail: 'a@b.c' };

    expect(doctorConfig(given, { compute: 'gpu', imageBuild: 'codebuild' })).toMatchObject({
      ...{ compute: 'cpu', maxTasks: 8, imageBuild: 'codebuild' },
      instanceTypes: ['g5.xlarge', 'g5.2xlarge'],
    });
  });

  it('refuses what the deployment would refuse', () => {
    expect(() => doctorConfig({ compute: 'tpu', maxTasks: 'x' }, {})).toThrow(
      '--context: compute: expected gpu or cpu; maxTasks: expected a whole number from 1 to 20',
    );
  });

  it('is given as name=value, as often as needed', () => {
    expect(contextEntry('model=a=b', contextEntry('compute=cpu'))).toEqual({ compute: 'cpu', model: 'a=b' });
    expect(() => contextEntry('compute')).toThrow(InvalidArgumentError);
  });
});
