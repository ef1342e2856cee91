import { expect, test } from 'vitest';
import { requiredOutputs, stackOutputs } from '../../../lib/contracts/stack-outputs.ts';

test('every output has a name of its own in CloudFormation: letters and digits', () => {
  const names = Object.values(stackOutputs);

  expect(new Set(names).size).toBe(names.length);
  expect(names.every((name) => /^[A-Za-z0-9]+$/.test(name))).toBe(true);
});

test('the output key, what computes, its proof, and the queues of training and batch, are optional', () => {
  const optional = Object.values(stackOutputs).filter((name) => !Object.values<string>(requiredOutputs).includes(name));

  expect(optional).toEqual([
    'OutputKmsKey',
    'Cluster',
    'Service',
    'OnDemandService',
    'InferFunction',
    'WorkerProof',
    'TrainingQueue',
    'TrainingJob',
    'BatchQueue',
    'BatchJob',
  ]);
});
