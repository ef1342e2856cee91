import { InvalidArgumentError } from 'commander';
import { expect, it } from 'vitest';
import { contextEntry } from '../../../../lib/cli/verbs/doctor.ts';

it('collects settings that are given as name=value', () => {
  expect(contextEntry('model=a=b', contextEntry('compute=cpu'))).toEqual({ compute: 'cpu', model: 'a=b' });
  expect(() => contextEntry('compute')).toThrow(InvalidArgumentError);
});
