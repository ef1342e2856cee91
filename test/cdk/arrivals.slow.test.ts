import { expect, test } from 'vitest';
import { blocksOf } from '../cli/documents.ts';
import { arrivalsTable } from './play-arrivals.ts';

test('docs/scale.md shows what the simulation of arrivals prints', () => {
  const shown = blocksOf('docs/scale.md').filter(({ language }) => language === 'text');

  expect(shown.map(({ text }) => text)).toEqual([arrivalsTable(1)]);
});
