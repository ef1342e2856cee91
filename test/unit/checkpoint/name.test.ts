import { describe, expect, it } from 'vitest';
import { checkpointName } from '../../../lib/checkpoint/name.ts';

describe('checkpointName', () => {
  it.each([
    ['openai/imagegpt-small', '/models/abc', 'imagegpt-small'],
    [undefined, '/models/my model (1)', 'my-model-1'],
    ['', '/models/tiny', 'tiny'],
    ['C:\\runs\\igpt', '/models/abc', 'igpt'],
    [undefined, '/cache/models--openai--imagegpt-small/snapshots/0123abcdef', 'imagegpt-small'],
    [undefined, '/cache/models--gpt2/snapshots/0123abcdef', 'gpt2'],
    ['../..', '/models/..hidden', 'hidden'],
    ['模型', '/模型', 'model'],
    [undefined, '/', 'model'],
  ])('%s in %s is called %s', (nameOrPath, directory, name) => {
    expect(checkpointName(nameOrPath, directory)).toBe(name);
  });

  it('is never long', () => {
    expect(checkpointName('x'.repeat(1000), '/')).toHaveLength(64);
  });
});
