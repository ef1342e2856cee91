import { expect, test } from 'vitest';
import { formatRows, type Row, reached } from '../../bench/report.ts';

const row: Row = {
  suite: 'features',
  name: 'middle layer',
  unit: 'pictures/s',
  ours: 3.2148,
  theirs: 0.8,
  ratio: 4.0185,
};

test('a target is of the ratio where there is one, else of our figure', () => {
  expect(reached({ ...row, target: { value: 4 } })).toBe(true);
  expect(reached({ ...row, target: { value: 4.1 } })).toBe(false);
  const { ratio: _, ...alone } = row;
  expect(reached({ ...alone, target: { value: 4 } })).toBe(false);
  expect(reached({ ...alone, target: { value: 4, direction: 'at most' } })).toBe(true);
});

test('without a target nothing is reached or missed', () => {
  expect(reached(row)).toBeUndefined();
});

test('the table rounds to three digits, names misses loudly and puts notes below', () => {
  const lines = formatRows([{ ...row, target: { value: 5 }, note: 'batch 4' }]).split('\n');
  expect(lines[1]).toMatch(/^features +middle layer +3\.21 +0\.8 +pictures\/s +4\.02 +≥ 5 +NO$/);
  expect(lines.slice(2)).toEqual(['', 'Notes', '  middle layer: batch 4', '']);
});
