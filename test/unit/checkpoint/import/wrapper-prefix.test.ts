import { describe, expect, it } from 'vitest';
import { withoutWrapperPrefix } from '../../../../lib/checkpoint/import/wrapper-prefix.ts';

const named = (...names: string[]) =>
  new Map(names.map((name) => [name, { name, dtype: 'F32', shape: [1], async *pieces() {} }]));
const own = ['transformer.wte.weight', 'transformer.h.0.ln_1.weight', 'lm_head.weight'];

describe('names that training code has put something before', () => {
  it.each(['module.', '_orig_mod.', 'model.', 'module._orig_mod.'])('lose %s', (prefix) => {
    const found = withoutWrapperPrefix(named(...own.map((name) => prefix + name)));

    expect([...found.keys()]).toEqual(own);
    expect([...found.values()].map(({ name }) => name)).toEqual(own);
  });

  it('lose it also where the base model was saved, without transformer.', () => {
    expect([...withoutWrapperPrefix(named('net.wte.weight', 'net.ln_f.weight')).keys()]).toEqual([
      'wte.weight',
      'ln_f.weight',
    ]);
  });

  it('stay where nothing stands before them', () => {
    for (const names of [own, ['wte.weight', 'ln_f.weight', 'lm_head.weight'], ['model/wte', 'model/wpe']]) {
      expect([...withoutWrapperPrefix(named(...names)).keys()]).toEqual(names);
    }
  });

  it('stay where two would become one, or two models lie in the file', () => {
    for (const names of [
      ['module.wte.weight', 'module.lm_head.weight', 'lm_head.weight'],
      ['student.wte.weight', 'teacher.wte.weight'],
    ]) {
      expect([...withoutWrapperPrefix(named(...names)).keys()]).toEqual(names);
    }
  });
});
