import { expect, it } from 'vitest';
import { createOpener } from '../../../lib/async/opener.ts';

it('opens once, at the first call', async () => {
  let opened = 0;
  const opener = createOpener(async () => ++opened);

  expect(opened).toBe(0);
  expect(await Promise.all([opener.get(), opener.get()])).toEqual([1, 1]);
  expect(await opener.get()).toBe(1);
});

it('opens again after a failure, which every waiting caller gets', async () => {
  const answers = [Promise.reject(new Error('throttled')), Promise.resolve('open')];
  const opener = createOpener(() => answers.shift() ?? Promise.reject(new Error('opened too often')));

  const both = await Promise.allSettled([opener.get(), opener.get()]);
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await opener.get()).toBe('open');
  expect(await opener.get()).toBe('open');
});

it('opens anew once it is forgotten, and says whether it was open', async () => {
  let opened = 0;
  const opener = createOpener(async () => ++opened);

  expect(opener.forget()).toBe(false);
  await opener.get();
  expect(opener.forget()).toBe(true);
  expect(opener.forget()).toBe(false);
  expect(await opener.get()).toBe(2);
});

it('keeps what was opened after a failed attempt was forgotten', async () => {
  const first = Promise.withResolvers<string>();
  const answers = [first.promise, Promise.resolve('second')];
  const opener = createOpener(() => answers.shift() ?? Promise.reject(new Error('opened too often')));

  const lost = opener.get();
  opener.forget();
  expect(await opener.get()).toBe('second');
  first.reject(new Error('late'));
  await expect(lost).rejects.toThrow('late');
  expect(await opener.get()).toBe('second');
});
