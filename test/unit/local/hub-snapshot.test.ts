import { expect, test } from 'vitest';
import { linkTargets } from '../../../lib/local/hub-snapshot.ts';

const repository = '/home/a/.cache/huggingface/hub/datasets--org--cats';
const snapshot = `${repository}/snapshots/0123456789abcdef0123456789abcdef01234567`;

test.each([
  ['a snapshot', snapshot, `${repository}/blobs`],
  ['a folder of a snapshot', `${snapshot}/train/cat`, `${repository}/blobs`],
  ['a snapshot of a model', '/hub/models--org--igpt/snapshots/main', '/hub/models--org--igpt/blobs'],
])('links of %s may lead to the files of its repository', (_, root, blobs) => {
  expect(linkTargets(root)).toEqual([root, blobs]);
});

test.each(['/pictures', '/a/snapshots/b', repository, `${repository}/snapshots`, '/x/mydatasets--a/snapshots/b'])(
  'links of %s may not leave it',
  (root) => {
    expect(linkTargets(root)).toEqual([root]);
  },
);
