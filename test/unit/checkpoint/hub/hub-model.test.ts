import { describe, expect, it } from 'vitest';
import { parseHubName } from '../../../../lib/checkpoint/hub/hub-model.ts';

describe('a hub name', () => {
  it('has an organisation, a name and an optional revision', () => {
    expect(parseHubName('openai/imagegpt-small')).toEqual({ repo: 'openai/imagegpt-small', revision: 'main' });
    expect(parseHubName('openai/imagegpt-small@refs/pr/2')).toEqual({
      repo: 'openai/imagegpt-small',
      revision: 'refs/pr/2',
    });
  });

  it.each(['igpt-s', '/tmp/x', 'a/b/c', '../x', './x', 'a/../b', 'a b/c', ''])('is not %j', (text) => {
    expect(parseHubName(text)).toBeUndefined();
  });
});
