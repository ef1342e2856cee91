import { describe, expect, it } from 'vitest';
import { countByGroup, isHuggingFaceTraining, isOpenAiTraining } from '../../../lib/checkpoint/training-tensors.ts';

const weights = new Set(['model/wte', 'model/h0/mlp/c_fc/w', 'model/h0/ln_1/g', 'model/h0/attn/c_proj']);

describe('in a TensorFlow checkpoint', () => {
  it.each([
    'model/wte/Adam',
    'model/wte/Adam_1',
    'model/wte/adam_m',
    'model/wte/AdamW_v',
    'model/wte/Momentum',
    'model/wte/momentum',
    'model/wte/ExponentialMovingAverage',
    'model/wte/RMSProp_1',
    'model/wte/Adagrad',
    'model/wte/Adadelta',
    'model/wte/Ftrl_1',
    'model/wte/Adafactor/vr',
    'model/wte/LAMB/m',
    'model/wte/lamb_optimizer_v',
    'model/wte/moving_avg',
    'model/wte/a_slot_of_a_new_optimizer',
    'model/h0/mlp/c_fc/w/ADAM',
    'model/wte/.OPTIMIZER_SLOT/optimizer/m/.ATTRIBUTES/VARIABLE_VALUE',
    'optimizer/iter/.ATTRIBUTES/VARIABLE_VALUE',
    'AdamWeightDecayOptimizer/model/wte',
    'training/Adam/m/model/wte',
    'training/model/wte/ProximalAdagrad',
    'optimizer/_variables/10',
    'Adam/model/wte/v',
    'ema/model/wte',
    'EMA/model/h0/mlp/c_fc/w',
    'model_ema/h0/mlp/c_fc/w',
  ])('%s is of training', (name) => {
    expect(isOpenAiTraining({ name, dtype: 'F32', shape: [16, 8] }, weights)).toBe(true);
  });

  it.each([
    'global_step',
    'GLOBAL_STEP',
    'model/global_step',
    'beta1_power',
    'beta2_power_1',
    'model/beta1_power',
    'learning_rate',
    'model/lr',
    'save_counter/.ATTRIBUTES/VARIABLE_VALUE',
    'loss_scale',
    'whatever',
  ])('the number %s is of training', (name) => {
    expect(isOpenAiTraining({ name, dtype: 'F32', shape: [] }, weights)).toBe(true);
  });

  it('a name of a million parts is no slot', () => {
    const name = 'a/'.repeat(1_000_000);
    expect(isOpenAiTraining({ name, dtype: 'F32', shape: [1, 2] }, weights)).toBe(false);
  });

  it.each([
    ['model/h0/gate/w', [8, 8]],
    ['model/h0/attn/c_proj/b', [8]],
    ['model/h0/attn/c_proj/bias', [8]],
    ['model/h0/ln_1/b', [8]],
    ['model/clf2/wclf', [10, 8]],
    ['other/wte', [16, 8]],
    ['model/temperature', []],
    ['model/logit_scale', []],
    ['logit_scale', []],
    ['model/decay', []],
    ['model/h0/decay', [8]],
    ['wte_2', [16, 8]],
    ['model/h0/lambda', [8]],
    ['model/lambda', [8]],
    ['model/h0/lion_gate', [8]],
    ['model/h0/attn/c_proj/lora_a', [8, 2]],
    ['model/h0/mlp/c_fc/w/mask', [8, 32]],
  ] as const)('%s is a part of the model', (name, shape) => {
    expect(isOpenAiTraining({ name, dtype: 'F32', shape }, weights)).toBe(false);
  });
});

describe('beside Hugging Face’s tensors', () => {
  it.each([
    ['n_averaged', 'I64', []],
    ['loss', 'F32', []],
    ['train_acc.tp', 'I64', [10]],
    ['mean.value', 'F32', []],
    ['loss_fn.weight', 'F32', [10]],
    ['val_loss.class_weights', 'F32', [10]],
    ['criterion.weight', 'F32', [10]],
    ['val_metrics.auroc.thresholds', 'F32', [5]],
    ['model_ema.transformerwteweight', 'F32', [9, 16]],
    ['transformer.h.0.attn.bias', 'U8', [1, 1, 4, 4]],
    ['h.11.attn.masked_bias', 'F32', []],
  ] as const)('%s is of training', (name, dtype, shape) => {
    expect(isHuggingFaceTraining({ name, dtype, shape })).toBe(true);
  });

  it.each([
    ['classifier.weight', 'F32', [10, 16]],
    ['head.bias', 'F32', [10]],
    ['score.bias', 'F32', [10]],
    ['transformer.scale', 'F32', []],
    ['logit_scale', 'F32', []],
    ['head.temperature', 'F32', []],
    ['avgpool.weight', 'F32', [16]],
    ['transformer.h.0.mask', 'BOOL', [4]],
    ['h.0.loss.weight', 'F32', [16]],
    ['schema.weight', 'F32', [16]],
    ['glossary.weight', 'F32', [16]],
    ['f1.weight', 'F32', [16, 16]],
    ['acc.bias', 'F32', [16]],
    ['logit_bias', 'F32', []],
  ] as const)('%s is a part of the model', (name, dtype, shape) => {
    expect(isHuggingFaceTraining({ name, dtype, shape })).toBe(false);
  });
});

it('counts tensors by the slot or the module that they belong to', () => {
  const names = [
    'model/wte/Adam',
    'model/wpe/Adam',
    'global_step',
    'optimizer.state.0.exp_avg',
    'h.0.attn.bias',
    'loss',
    'adam/_variables/7',
  ];
  expect(countByGroup(names)).toEqual([
    { name: 'Adam', tensors: 2 },
    { name: 'global_step', tensors: 1 },
    { name: 'optimizer', tensors: 1 },
    { name: 'causal masks', tensors: 1 },
    { name: 'loss', tensors: 1 },
    { name: 'adam', tensors: 1 },
  ]);
});
