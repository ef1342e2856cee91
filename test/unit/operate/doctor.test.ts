import { describe, expect, it } from 'vitest';
import { readDeploymentConfig } from '../../../lib/contracts/deployment-settings.ts';
import { doctorConfig, readCdkContext } from '../../../lib/operate/doctor.ts';

describe('the settings that doctor checks', () => {
  it('have the defaults of the deployment', () => {
    const looked = doctorConfig({}, {});

    expect(Object.keys(looked)).toHaveLength(9);
    expect(readDeploymentConfig({})).toMatchObject(looked);
  });

  it('are read from cdk.json as the deployment does', () => {
    expect(doctorConfig({}, readCdkContext())).toEqual(doctorConfig({}, {}));
  });

  it('take given values before those of cdk.json, and ignore other settings', () => {
    const given = { compute: 'cpu', maxTasks: '8', instanceTypes: 'g5.xlarge, g5.2xlarge', alarmEmail: 'a@b.c' };

    expect(doctorConfig(given, { compute: 'gpu', imageBuild: 'codebuild' })).toMatchObject({
      compute: 'cpu',
      maxTasks: 8,
      imageBuild: 'codebuild',
      instanceTypes: ['g5.xlarge', 'g5.2xlarge'],
    });
  });

  it('have only default instance types that the region has', () => {
    expect(doctorConfig({}, {}, 'eu-west-1').instanceTypes).toEqual(['g5.xlarge', 'g4dn.xlarge']);
    expect(doctorConfig({ instanceTypes: 'g6.xlarge' }, {}, 'eu-west-1').instanceTypes).toEqual(['g6.xlarge']);
    expect(doctorConfig({}, {}, 'ca-west-1').instanceTypes).toHaveLength(3);
  });

  it('refuse what the deployment would refuse', () => {
    expect(() => doctorConfig({ compute: 'tpu', maxTasks: 'x' }, {})).toThrow(
      '--context: compute: expected gpu or cpu; maxTasks: expected a whole number from 1 to 20',
    );
  });
});
