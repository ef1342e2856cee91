import { expect, it } from 'vitest';
import { redrawn } from '../../../../lib/cli/terminal/live-view.ts';

it('wraps and cuts the text to the terminal, so that it can be overwritten', () => {
  expect(redrawn('a line too long\n\ntwo\nthree\n', { rows: 5, columns: 9 })).toBe(
    '\u001b[Ha line t\u001b[K\noo long\u001b[K\n\u001b[K\ntwo\u001b[K\n\u001b[J',
  );
});
