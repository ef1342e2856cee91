import { describe, expect, test } from 'vitest';
import { jobPlace } from '../../../lib/operate/job-place.ts';
import { deployedStack } from '../../support/stack-state.ts';

const { outputs } = deployedStack;

describe('the place of a job', () => {
  test('is in its folder of the output bucket when only a name is given', () => {
    expect(jobPlace('first', outputs, 'batch')).toBe('s3://outcomes/batch/first');
    expect(jobPlace('first', outputs, 'training')).toBe('s3://outcomes/training/first');
  });

  test('may be given as an address below this folder', () => {
    expect(jobPlace('s3://outcomes/batch/2026/first/', outputs, 'batch')).toBe('s3://outcomes/batch/2026/first');
  });

  test.each(['s3://outcomes/batch/', 's3://outcomes/training/first', 's3://pictures/batch/first', '../first', ''])(
    'is not %j',
    (given) => {
      expect(() => jobPlace(given, outputs, 'batch')).toThrow('below s3://outcomes/batch/, where this stack');
    },
  );
});
