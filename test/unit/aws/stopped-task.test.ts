import { expect, test } from 'vitest';
import { explainStop, stopAdvice } from '../../../lib/aws/stopped-task.ts';

test.each([
  ['requirement error: unsatisfied condition: cuda>=13.0, please update your driver', 'CUDA 13.0,'],
  ['requirement error: unsatisfied condition: cuda >= 13.1', 'CUDA 13.1,'],
])('an old driver gets advice: %s', (reason, named) => {
  expect(stopAdvice(reason)).toContain(`NVIDIA driver is too old for ${named}`);
});

test.each(['Essential container in task exited; exit code 1', 'OutOfMemoryError', ''])(
  '%j gets no advice',
  (reason) => {
    expect(stopAdvice(reason)).toBeNull();
  },
);

test('the advice comes before ECS’s reason', () => {
  expect(explainStop({ reason: 'exit code 1', advice: null })).toBe('exit code 1');
  expect(explainStop({ reason: 'cuda>=13', advice: 'deploy again' })).toBe('deploy again. ECS says: cuda>=13');
});
