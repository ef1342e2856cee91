import { expect, test } from 'vitest';
import {
  defaultInstanceTypes,
  defaultInstanceTypesIn,
  familyOf,
  gpuFamilies,
  gpuInstanceNames,
  gpuInstances,
  isGpuInstance,
  isOffered,
  vcpusOf,
} from '../../../lib/contracts/instances.ts';

test.each([
  ['g6.xlarge', 'g6', 4],
  ['g5.2xlarge', 'g5', 8],
  ['g4dn.16xlarge', 'g4dn', 64],
] as const)('%s is of the family %s and has %d vCPUs', (type, family, vcpus) => {
  expect(familyOf(type)).toBe(family);
  expect(vcpusOf(type)).toBe(vcpus);
});

test.each(['p5.48xlarge', 'g6.large', 'g6', 'g5g.xlarge', 'toString.xlarge', ''])(
  'the worker does not run on %j',
  (type) => {
    expect(familyOf(type)).toBeUndefined();
    expect(vcpusOf(type)).toBe(0);
  },
);

test('every row names the family that its type says', () => {
  expect(gpuInstanceNames).toHaveLength(9);
  for (const name of gpuInstanceNames) expect(gpuInstances[name].family).toBe(familyOf(name));
});

test('a larger size of a family costs more', () => {
  for (const family of Object.keys(gpuFamilies)) {
    const prices = gpuInstanceNames
      .filter((name) => familyOf(name) === family)
      .map((name) => gpuInstances[name].usdPerHour);
    expect(prices).toEqual([...prices].sort((a, b) => a - b));
  }
});

test('the default types have a known price', () => {
  expect(defaultInstanceTypes.every(isGpuInstance)).toBe(true);
  expect(isGpuInstance('g6.48xlarge')).toBe(false);
});

test.each([
  ['us-east-1', ['g6.xlarge', 'g5.xlarge', 'g4dn.xlarge']],
  ['eu-west-1', ['g5.xlarge', 'g4dn.xlarge']],
  ['eu-central-2', ['g6.xlarge']],
  ['af-south-1', ['g4dn.xlarge']],
  ['ca-west-1', []],
  // A region that the table does not know, and no region at all.
  ['xx-new-1', [...defaultInstanceTypes]],
  [undefined, [...defaultInstanceTypes]],
])('by default %s gets %j', (region, types) => {
  expect(defaultInstanceTypesIn(region)).toEqual(types);
});

test('whether an unknown region has a type is unknown', () => {
  expect(isOffered('g6.4xlarge', 'eu-west-1')).toBe(false);
  expect(isOffered('g6.4xlarge', 'eu-west-2')).toBe(true);
  expect(isOffered('g6.4xlarge', 'mx-central-1')).toBe(false);
  expect(isOffered('g6.4xlarge', 'xx-new-1')).toBeUndefined();
});
