import type { Outcome } from '../../lib/contracts/outcome.ts';
import { createQuantizer, type Quantizer } from '../../lib/image-gpt/quantizer.ts';
import type { FailureCode } from '../../lib/ports/error.ts';
import { InstallationError, PictureError } from '../../lib/ports/error.ts';
import type { Model } from '../../lib/ports/model.ts';
import type { PictureDecoder } from '../../lib/ports/picture-decoder.ts';
import { createFakeModel } from '../support/fake-model.ts';
import { type Conditions, type Machine, recordFault } from './machine.ts';

/** A model that can be deployed. */
export interface SimulatedModel {
  model: Model;
  /** Hash of its preprocessing. */
  preprocessing: string;
  quantize: Quantizer;
  colors: number;
  /** Its feature for picture n is n + offset. */
  offset: number;
}

/** Grey palette from black to white `[colors, 3]`. */
function greyPalette(colors: number): Float32Array {
  return Float32Array.from({ length: colors * 3 }, (_, i) => (2 * Math.floor(i / 3)) / (colors - 1) - 1);
}

function simulatedModel(id: string, preprocessing: string, colors: number, offset: number): SimulatedModel {
  const palette = greyPalette(colors);
  const model = createFakeModel({
    id,
    preprocessing: { height: 2, width: 2, resample: 2, crop: 'none', palette },
    labels: [`${id} dark`, `${id} light`],
    classFunction: 'softmax',
    async predict(tokens) {
      const n = numberOf(tokens);
      return { classLogits: Float32Array.of(0, n), features: Float32Array.of(n + offset), nats: 0.5 };
    },
  });
  return { model, preprocessing, quantize: createQuantizer(palette), colors, offset };
}

/** The first two differ in their weights; the third also has another palette. */
export const simulatedModels: readonly [SimulatedModel, SimulatedModel, SimulatedModel] = [
  simulatedModel('model-a', '00000000000000aa', 2, 100),
  simulatedModel('model-b', '00000000000000aa', 2, 200),
  simulatedModel('model-c', '00000000000000cc', 4, 300),
];

/** Number of the picture that kills every process that predicts it: all four pixels are white. */
const killer = 15;

/** Whether this picture kills the processes that decode or predict it. */
export function isPoison(text: string): boolean {
  return /^(poison|killer)/.test(text);
}

/** Pictures whose decoding or predicting threw, of its own accord: only these may fail for that reason. */
export interface ThrownPictures {
  /** Texts of the pictures. */
  decoding: Set<string>;
  /** Numbers of the pictures. */
  predicting: Set<number>;
}

/** The parts of the world that decoders and models change. */
interface Laboratory {
  conditions: Conditions;
  thrown: ThrownPictures;
}

function notStarted(machine: Machine, conditions: Conditions): Promise<never> {
  machine.faults += 1;
  recordFault(conditions, 'broken_installation', conditions.broken ?? '');
  return Promise.reject(new InstallationError('not_started', `Expected the ${conditions.broken} to start.`));
}

/** Reads the number of a picture from its tokens. */
function numberOf(tokens: Uint16Array): number {
  return tokens.reduce((sum, token, i) => sum + (token > 0 ? 2 ** i : 0), 0);
}

/**
 * A decoder for pictures that are text: a word and a number. `good n` and `killer 15` decode to pixels that hold the
 * bits of the number. `bad` is corrupt, `crash` makes the decoder throw each time, `poison` kills the process.
 */
export function simulatedDecoder(machine: Machine, { conditions, thrown }: Laboratory): PictureDecoder {
  return {
    decode(bytes) {
      if (conditions.broken === 'decoder') return notStarted(machine, conditions);
      const text = new TextDecoder().decode(bytes);
      const decoded = machine.call('decoder.decode', ['throttle', 'slow', 'crash'], {
        perform() {
          const [word, number = ''] = text.split(' ');
          if (word === 'bad') throw new PictureError('corrupt_image', 'Expected a picture, received other bytes.');
          if (word === 'crash') throw new Error('the decoder broke');
          if (word === 'poison') machine.die('poison');
          const rgb = Uint8Array.from({ length: 12 }, (_, i) => (Number(number) & (2 ** Math.floor(i / 3)) ? 255 : 0));
          return { format: 'jpeg', width: 8, height: 6, rgb };
        },
      });
      return decoded.catch((error: unknown) => {
        thrown.decoding.add(text);
        throw error;
      });
    },
  };
}

export function simulatedModelOf(
  machine: Machine,
  { model }: SimulatedModel,
  { conditions, thrown }: Laboratory,
): Model {
  return {
    ...model,
    predict(tokens) {
      if (conditions.broken === 'model') return notStarted(machine, conditions);
      const predicted = machine.call('model.predict', ['throttle', 'slow', 'crash'], {
        perform() {
          if (tokens.every((token) => token > 0)) machine.die('killer');
          return model.predict(tokens);
        },
      });
      return predicted.catch((error: unknown) => {
        thrown.predicting.add(numberOf(tokens));
        throw error;
      });
    },
  };
}

/** Whether a picture with this text may fail with `code`: it is bad, or its decoding or predicting threw. */
export function canFailWith(code: FailureCode, text: string, { decoding, predicting }: ThrownPictures): boolean {
  const [word, number] = text.split(' ');
  if (code === 'internal_error') return decoding.has(text);
  if (code === 'inference_failed') return predicting.has(Number(number));
  return code === 'corrupt_image' && word === 'bad';
}

/** What is untrue in the outcome of a picture with this text; undefined if nothing is. */
export function untrueClaim(outcome: Outcome, text: string, thrown: ThrownPictures): string | undefined {
  const [word = '', number = ''] = text.split(' ');
  const deployed = simulatedModels.find(({ model }) => model.id === outcome.model);
  if (deployed === undefined) return `the outcome of an unknown model, ${outcome.model}`;
  if (outcome.status === 'failed') {
    const { code } = outcome.error;
    return canFailWith(code, text, thrown) ? undefined : `${code} of a ${word} picture`;
  }
  if (word !== 'good') return `success of a ${word} picture`;
  const [value] = outcome.features?.values ?? [];
  if (value !== Number(number) + deployed.offset) return `${value} of picture ${number} by ${outcome.model}`;
  const label = `${deployed.model.id} ${Number(number) > 0 ? 'light' : 'dark'}`;
  const tie = Number(number) === 0;
  return tie || outcome.classification?.label === label
    ? undefined
    : `${outcome.classification?.label} by ${outcome.model}`;
}

export const killerPicture = `killer ${killer}`;
