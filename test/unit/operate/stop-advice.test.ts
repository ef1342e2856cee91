import { expect, test } from 'vitest';
import { stopAdvice } from '../../../lib/operate/stop-advice.ts';

test.each([
  ['requirement error: unsatisfied condition: cuda>=13.0, please update your driver', 'CUDA 13.0,'],
  ['requirement error: unsatisfied condition: cuda >= 13.1', 'CUDA 13.1,'],
])('a driver that is too old is explained: %s', (reason, named) => {
  expect(stopAdvice(reason)).toContain(`NVIDIA driver is too old for ${named}`);
});

test.each(['Essential container in task exited; exit code 1', 'OutOfMemoryError', ''])(
  '%j needs no words',
  (reason) => {
    expect(stopAdvice(reason)).toBeNull();
  },
);
