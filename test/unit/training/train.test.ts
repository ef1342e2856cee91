import { describe, expect, test } from 'vitest';
import type { Evaluation } from '../../../lib/runtime/training-session.ts';
import {
  newTraining,
  type TrainPlan,
  type TrainPorts,
  type TrainState,
  train,
  validate,
} from '../../../lib/training/train.ts';

describe('train', () => {
  const plan = (steps: number, more: Partial<TrainPlan> = {}): TrainPlan => ({
    learningRate: { peak: 1, schedule: 'constant', warmup: 0, steps },
    evalEvery: 2,
    saveEvery: 3,
    patience: Number.POSITIVE_INFINITY,
    bestBy: 'loss',
    leap: 1,
    leapFloor: 0,
    ...more,
  });

  /** A model of one weight, to which each step adds 1. `told` records the calls. */
  function world({
    validations,
    weight = 0,
    losses = [],
  }: {
    validations?: number[];
    weight?: number;
    losses?: number[];
  }) {
    const told: string[] = [];
    const data = Float32Array.of(weight);
    const saved: TrainState[] = [];
    const ports: TrainPorts = {
      session: {
        parameters: [{ name: 'w', shape: [1], data }],
        async step({ tokens }, { step }) {
          told.push(`step ${step} on ${tokens[0]}`);
          data[0] = (data[0] ?? 0) + 1;
          return { loss: losses[step - 1] ?? 2, gradientNorm: 1 };
        },
      },
      batchOf: async (step) => {
        told.push(`batch ${step}`);
        return { tokens: Uint16Array.of(step) };
      },
      ...(validations && {
        validate: async () => ({ loss: validations.shift() ?? 0, accuracy: 0.5 }),
      }),
      save: async (state) => {
        told.push(`save ${state.step}`);
        saved.push(state);
      },
      saveBest: async ({ step }) => void told.push(`best ${step}`),
      onStep: () => {},
      onValidation: async (step, { loss }) => void told.push(`validation ${step}: ${loss}`),
      now: () => 0,
    };
    return { ports, told, saved };
  }

  const go = () => new AbortController().signal;
  test('asks for the next batch while a step is computed, and saves checkpoints in between and at the end', async () => {
    const { ports, told } = world({});
    const state = await train(plan(4), ports, newTraining, go());
    expect(told).toEqual([
      ...['batch 1', 'step 1 on 1', 'batch 2', 'step 2 on 2', 'batch 3', 'step 3 on 3', 'batch 4', 'save 3'],
      ...['step 4 on 4', 'save 4'],
    ]);
    expect(state).toMatchObject({ step: 4, ended: true, losses: [2, 2, 2, 2] });
  });

  test('saves the best weights by validation loss, and records them in the state', async () => {
    const { ports, told } = world({ validations: [5, 3, 4] });
    const state = await train(plan(6), ports, newTraining, go());
    expect(told.filter((line) => !/batch|step/.test(line))).toEqual([
      ...['validation 2: 5', 'best 2', 'save 3', 'validation 4: 3', 'best 4', 'validation 6: 4', 'save 6'],
    ]);
    expect(state).toMatchObject({ best: { step: 4, validation: { loss: 3 } }, sinceBest: 1 });
  });

  test('an equal accuracy is not better', async () => {
    const { ports } = world({ validations: [5, 3] });
    expect((await train(plan(4, { bestBy: 'accuracy' }), ports, newTraining, go())).best?.step).toBe(2);
  });

  test('stops early after `patience` validations without a better one, and saves a checkpoint', async () => {
    const { ports, told } = world({ validations: [3, 4, 5] });
    const state = await train(plan(100, { patience: 2 }), ports, newTraining, go());
    expect(state).toMatchObject({ step: 6, ended: true });
    expect(told.at(-1)).toBe('save 6');
    told.length = 0;
    expect(await train(plan(100, { patience: 2 }), ports, state, go())).toBe(state);
    expect(told).toEqual([]);
  });

  test('resumes with the same batches and state as without an interruption', async () => {
    const { ports, saved } = world({ validations: [5, 3, 4] });
    await train(plan(6), ports, newTraining, go());
    const later = world({ validations: [3, 4], weight: 3 });
    await train(plan(6), later.ports, saved[0]!, go());
    expect(later.told.slice(0, 2)).toEqual(['batch 4', 'step 4 on 4']);
    expect(later.saved.at(-1)).toEqual(saved.at(-1));
  });

  test('finishes the current step and saves a checkpoint when it is stopped', async () => {
    const { ports, told } = world({});
    const stop = new AbortController();
    const state = await train(plan(9), { ...ports, onStep: () => stop.abort() }, newTraining, stop.signal);
    expect(state).toMatchObject({ step: 1, ended: false });
    expect(told.at(-1)).toBe('save 1');
  });

  test('validates and saves after the last step only, when the steps between are 0', async () => {
    const { told, ports } = world({ validations: [1] });
    await train(plan(7, { evalEvery: 0, saveEvery: 0 }), ports, newTraining, go());
    expect(told.filter((line) => !/^(step|batch)/.test(line))).toEqual(['validation 7: 1', 'best 7', 'save 7']);
  });

  test('does not save weights, or a validation, that are not finite', async () => {
    const spoiled = world({ weight: Number.NaN });
    await expect(train(plan(3), spoiled.ports, newTraining, go())).rejects.toMatchObject({ code: 'training_diverged' });
    expect(spoiled.saved).toEqual([]);
    const lost = world({ validations: [Number.NaN] });
    await expect(train(plan(3), lost.ports, newTraining, go())).rejects.toMatchObject({ code: 'training_diverged' });
  });

  test('a loss that leaps ends the training without a checkpoint of that step', async () => {
    const { ports, saved } = world({ losses: [...new Array(30).fill(2), 9] });
    await expect(train(plan(40), ports, newTraining, go())).rejects.toThrow(/diverged at step 31/);
    expect(saved.at(-1)?.step).toBe(30);
  });
});

describe('validate', () => {
  const answers = (evaluations: Evaluation[]) => ({ evaluate: async () => evaluations.shift()! });

  test('weights batches by their pictures and counts right classes', async () => {
    const session = answers([
      { loss: 6, generative: 4, classification: 2, classLogits: Float32Array.of(1, 0, 0, 1, -2, -1) },
      { loss: 3, generative: 1, classification: 2, classLogits: Float32Array.of(-5, -9) },
    ]);
    const result = await validate(session, [
      { tokens: new Uint16Array(12), labels: Int32Array.of(0, 0, 1) },
      { tokens: new Uint16Array(4), labels: Int32Array.of(0) },
    ]);
    expect(result).toEqual({ loss: 5.25, generative: 3.25, classification: 2, accuracy: 0.75 });
  });

  test('has no accuracy without a class loss', async () => {
    expect(await validate(answers([{ loss: 4, generative: 4 }]), [{ tokens: new Uint16Array(4) }])).toEqual({
      loss: 4,
      generative: 4,
    });
  });
});
