import { describe, expect, it } from 'vitest';
import { readDeploymentConfig } from '../../../lib/contracts/deployment-settings.ts';
import { doctorConfig, readCdkContext } from '../../../lib/operate/doctor-config.ts';

describe('the settings that doctor checks', () => {
  it('have the defaults of the deployment', () => {
    const looked = doctorConfig({}, {});

    expect(Object.keys(looked)).toHaveLength(14);
    expect(readDeploymentConfig({})).toMatchObject(looked);
  });

  it('are read from cdk.json as the deployment does', () => {
    expect(doctorConfig({}, readCdkContext())).toEqual(doctorConfig({}, {}));
  });

  it('leave room for inference functions as the deployment does', () => {
    const lambda = { compute: 'lambda' };

    expect(readDeploymentConfig(lambda)).toMatchObject(doctorConfig(lambda, {}));
    expect(doctorConfig(lambda, {}).preprocessConcurrency).toBe(2);
    expect(doctorConfig({ ...lambda, preprocessConcurrency: 9 }, {}).preprocessConcurrency).toBe(9);
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
      '--context: compute: expected gpu, cpu or lambda; maxTasks: expected a whole number from 1 to 20',
    );
  });
});
