import { expect, test } from 'vitest';
import { moduleBeside } from '../../../lib/files/module-beside.ts';

test.each([
  ['file:///igpt/lib/runtime/model.ts', 'file:///igpt/lib/runtime/model-thread.ts'],
  ['file:///igpt/dist/lib/runtime/model.js', 'file:///igpt/dist/lib/runtime/model-thread.js'],
  ['file:///var/task/index.mjs', 'file:///var/task/model-thread.mjs'],
])('a module beside %s has the same extension', (url, beside) => {
  expect(moduleBeside(url, './model-thread').href).toBe(beside);
});
