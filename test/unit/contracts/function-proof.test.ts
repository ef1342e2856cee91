import { expect, it } from 'vitest';
import { isProofRequest } from '../../../lib/contracts/function-proof.ts';

it.each([
  [{ prove: true }, true],
  [{ prove: false }, false],
  [{ Records: [] }, false],
  // CDK's trigger calls a function with an empty event.
  [{}, true],
  [null, true],
  [undefined, true],
  ['prove', false],
  [{ records: [] }, false],
])('is asked for by { prove: true } or an empty event: %j', (event, expected) => {
  expect(isProofRequest(event)).toBe(expected);
});
