import { describe, expect, it } from 'vitest';
import { chooseModel } from '../../../../lib/checkpoint/import/choose-model.ts';
import type { SourceTensor } from '../../../../lib/checkpoint/tensor-source.ts';

const own = ['transformer.wte.weight', 'transformer.h.0.ln_1.weight', 'lm_head.weight'];
const prefixed = (prefix: string) => own.map((name) => prefix + name);

/** Tensors of these names, which lie in places of their own. */
function dict(names: readonly string[], places: string = crypto.randomUUID()): Map<string, SourceTensor> {
  return new Map(
    names.map((name) => [
      name,
      { name, dtype: 'F32', shape: [1], place: places + name.replace(/^(model|net)\./, ''), async *pieces() {} },
    ]),
  );
}

function choose(names: readonly string[], key?: string) {
  return chooseModel({ tensors: dict(names) }, key);
}

function chooseFrom(dicts: Record<string, Map<string, SourceTensor>>, key?: string) {
  return chooseModel({ tensors: new Map(), dicts: new Map(Object.entries(dicts)) }, key);
}

describe('the names of a model', () => {
  it.each(['module.', '_orig_mod.', 'model.', 'module._orig_mod.', 'net.module.', '_fsdp_wrapped_module.'])(
    'lose the prefix %s',
    (prefix) => {
      const { tensors } = choose(prefixed(prefix));

      expect([...tensors.keys()]).toEqual(own);
      expect([...tensors.values()].map(({ name }) => name)).toEqual(own);
    },
  );

  it('lose what wrappers of PyTorch put into their middle', () => {
    const { tensors } = choose([
      'transformer._orig_mod.wte.weight',
      'transformer.h.0._orig_mod._checkpoint_wrapped_module.ln_1.weight',
      'lm_head.module.weight',
    ]);

    expect([...tensors.keys()]).toEqual(own);
  });

  it('lose the prefix of a saved base model, which lacks transformer.', () => {
    expect([...choose(['net.wte.weight', 'net.ln_f.weight']).tensors.keys()]).toEqual(['wte.weight', 'ln_f.weight']);
  });

  it('are kept without a prefix, in the layout of either, and if the file is not an iGPT', () => {
    for (const names of [own, ['wte.weight', 'ln_f.weight', 'lm_head.weight'], ['model/wte', 'model/wpe'], ['conv']]) {
      expect([...choose(names).tensors.keys()]).toEqual(names);
    }
  });

  it('are kept if two would become equal', () => {
    const names = ['module.wte.weight', 'module.lm_head.weight', 'lm_head.weight'];
    expect([...choose(names).tensors.keys()]).toEqual(names);
  });

  it('stand beside those of training code', () => {
    expect([...choose([...prefixed('model.'), 'loss_fn.weight']).tensors.keys()]).toEqual([...own, 'loss_fn.weight']);
  });
});

describe('a file with several dicts', () => {
  it('gives the one that is an iGPT, and names the tensors beside it', () => {
    const dicts = { '': dict(['loss']), optimizer: dict(['exp_avg']), 'checkpoint.net': dict(prefixed('model.')) };
    const { path, others, beside, tensors } = chooseFrom(dicts);

    expect({ path, others, beside }).toEqual({
      path: 'checkpoint.net.model',
      others: [],
      beside: ['loss', 'optimizer.exp_avg'],
    });
    expect([...tensors.keys()]).toEqual(own);
  });

  it.each(['ema', 'model_ema', 'state_dict_ema', 'swa_model', 'averaged_model', 'ema.shadow'])(
    'gives the trained model before its average %s, which --key takes',
    (average) => {
      const dicts = { [average]: dict(own), model: dict(own) };

      expect(chooseFrom(dicts)).toMatchObject({ path: 'model', others: [average], tensors: dicts.model });
      expect(chooseFrom(dicts, average)).toMatchObject({ path: average, others: ['model'], tensors: dicts[average] });
    },
  );

  it('gives the average if there is nothing else', () => {
    expect(chooseFrom({ ema: dict(own) })).toMatchObject({ path: 'ema', others: [] });
  });

  it('keeps models apart that lie in one dict', () => {
    const names = [...prefixed('model.'), ...prefixed('model.ema.'), 'model.ema.n_averaged'];

    expect([...choose(names).tensors.keys()]).toEqual(own);
    expect([...choose(names, 'model.ema').tensors.keys()]).toEqual([...own, 'n_averaged']);
  });

  it('counts a model once that lies there twice', () => {
    const twins = { model: dict(own, 'a'), state_dict: dict(own, 'a') };
    const aliases = dict([...prefixed('model.'), ...prefixed('net.')], 'a');

    expect(chooseFrom(twins)).toMatchObject({ path: 'model', others: [] });
    expect([...chooseModel({ tensors: aliases }).tensors.keys()]).toEqual(own);
  });

  it('is refused if several are models, and says what to choose from', () => {
    const dicts = { student: dict(own), teacher: dict(own) };

    expect(() => chooseFrom(dicts)).toThrow('The file holds several models: student, teacher. Name one with --key.');
    expect(() => chooseFrom(dicts, 'judge')).toThrow(/no model at judge; expected --key to be one of student, teacher/);
    expect(chooseFrom(dicts, 'teacher').path).toBe('teacher');
  });

  it('is refused if it has more models than anyone trains', () => {
    const many = Array.from({ length: 17 }, (_, i) => `m${i}.wte.weight`);
    expect(() => choose(many)).toThrow(/holds 17 models; expected at most 16/);
  });
});

it('refuses a model with a tensor that we cannot read, but not a tensor beside the model', () => {
  const sparse = { ...dict(['lm_head.weight']).get('lm_head.weight')!, refusal: 'is sparse; save it with .to_dense()' };
  const bad = new Map([...dict(own), ['lm_head.weight', sparse]]);

  expect(() => chooseModel({ tensors: bad })).toThrow('Tensor lm_head.weight is sparse; save it with .to_dense().');
  expect(chooseFrom({ model: dict(own), graph: new Map([['adjacency', sparse]]) }).path).toBe('model');
});
