import { describe, expect, test } from 'vitest';
import { safeFileName } from '../../../lib/local/safe-file-name.ts';

describe('the name of a dropped picture', () => {
  test.each([
    ['cat.jpg', 'cat', '.jpg'],
    ['Grüße aus 北京.png', 'Grüße aus 北京', '.png'],
    ['../../etc/passwd', 'passwd', ''],
    ['C:\\Users\\me\\cat.jpg', 'cat', '.jpg'],
    ['..\\..\\cat.jpg', 'cat', '.jpg'],
    ['..', 'picture', ''],
    ['', 'picture', ''],
    ['.hidden.png', 'hidden', '.png'],
    ['a/', 'picture', ''],
    ['cat.jpg\0.html', 'cat.jpg_', '.html'],
    ['<script>.png', '_script_', '.png'],
    ['a:b*c?.png', 'a_b_c_', '.png'],
    ['cat.jpg. . ', 'cat', '.jpg'],
    ['nul.png', '_nul', '.png'],
    ['\u202egnp.exe', '_gnp', '.exe'],
    ['lone \ud800.png', 'lone _', '.png'],
    ['archive.of a long story', 'archive.of a long story', ''],
  ])('%j becomes %j and %j', (name, stem, extension) => {
    expect(safeFileName(name)).toEqual({ stem, extension });
  });

  test('is shortened between characters', () => {
    // 40 characters of 3 bytes fit into 120 bytes.
    const { stem, extension } = safeFileName(`${'北'.repeat(100)}.jpeg`);
    expect(stem).toBe('北'.repeat(40));
    expect(extension).toBe('.jpeg');
  });
});
