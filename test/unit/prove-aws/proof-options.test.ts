import { expect, test } from 'vitest';
import { proofKinds } from '../../prove-aws/proof-kinds.ts';
import { ProofUsageError, parseProofOptions, proofUsage } from '../../prove-aws/proof-options.ts';

test('without options, 300 pictures, 40 of them bad, go through Fargate, after asking, and all is destroyed', () => {
  expect(parseProofOptions([])).toEqual({
    ...{ stack: 'ImageGptProof', region: undefined, compute: 'cpu', pictures: 300, bad: 40, limit: 40 },
    ...{ yes: false, keep: false, help: false },
  });
});

test.each([
  [['--compute', 'tpu'], 'expected --compute cpu, gpu or lambda, got tpu'],
  [['--stack', '9'], 'expected letters, digits and hyphens for --stack, got 9'],
  [['--pictures', '19'], 'expected --pictures from 20 to 100000, got 19'],
  [['--pictures', '50', '--bad', '41'], 'expected --bad from 0 to 40, got 41'],
  [['--limit', '1.5'], 'expected --limit from 1 to 1440, got 1.5'],
  [['--nope'], "Unknown option '--nope'"],
  [['more'], 'Unexpected argument'],
])('%j is refused', (args, words) => {
  expect(() => parseProofOptions(args)).toThrow(ProofUsageError);
  expect(() => parseProofOptions(args)).toThrow(words);
});

test.each(['toString', '__proto__', 'CPU', ''])('%j is no kind of compute', (name) => {
  expect(() => parseProofOptions(['--compute', name])).toThrow(ProofUsageError);
});

const kinds = Object.entries(proofKinds);

test.each(kinds)('the help names %s', (name, { about }) => {
  expect(proofUsage).toMatch(new RegExp(`^ +${name} +${about}$`, 'm'));
});

test.each(kinds)('the price that is asked for is above 0 and below a few dollars, on %s', (compute, { cost }) => {
  const { usual, most } = cost(parseProofOptions(['--compute', compute]));

  expect(usual).toBeGreaterThan(0.01);
  expect(usual).toBeLessThan(1.5);
  expect(most).toBeGreaterThan(usual);
  expect(most).toBeLessThan(20);
});
