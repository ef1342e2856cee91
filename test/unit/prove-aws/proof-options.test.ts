import { expect, test } from 'vitest';
import { proofCost } from '../../prove-aws/proof-cost.ts';
import { ProofUsageError, parseProofOptions } from '../../prove-aws/proof-options.ts';

test('without options, 300 pictures, 40 of them bad, go through Fargate, after asking, and all is destroyed', () => {
  expect(parseProofOptions([])).toEqual({
    ...{ stack: 'ImageGptProof', region: undefined, compute: 'cpu', pictures: 300, bad: 40, limit: 40 },
    ...{ yes: false, keep: false, help: false },
  });
});

test.each([
  [['--compute', 'tpu'], 'expected --compute gpu or cpu, got tpu'],
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

test.each(['cpu', 'gpu'])('the price that is asked for is above 0 and below a few dollars, on %s', (compute) => {
  const { usual, most } = proofCost(parseProofOptions(['--compute', compute]));

  expect(usual).toBeGreaterThan(0.01);
  expect(usual).toBeLessThan(1.5);
  expect(most).toBeGreaterThan(usual);
  expect(most).toBeLessThan(20);
});
