import { readdir, realpath, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { createFile } from '../../files/regular-file.ts';
import type { ImageGptWeights } from '../../graph/weights.ts';
import type { ClassInput } from '../../ports/model.ts';
import { type Checkpoint, openCheckpoint } from '../checkpoint.ts';
import { checkInput } from '../class-input.ts';
import { asOpenAiConfig, type ConfigFile, readConfigFile, toHuggingFaceConfig, torchDtypes } from '../config-file.ts';
import { CheckpointError } from '../error.ts';
import { type FloatDtype, keptDtype } from '../float-dtype.ts';
import { readJsonFile } from '../json-file.ts';
import { type NonFinite, watchNonFinite } from '../non-finite.ts';
import { findPreprocessor } from '../palette-file.ts';
import { readPreprocessorFile } from '../preprocessor-file.ts';
import { totalBytes, writeShards } from '../safetensors/write-shards.ts';
import type { TensorSource } from '../tensor-source.ts';
import { countByGroup, type LeftOut } from '../training-tensors.ts';
import { listWeights, weightsByRole } from '../weights-by-role.ts';
import { chooseModel } from './choose-model.ts';
import { openSource } from './find-source.ts';
import { guessConfig } from './guess-config.ts';
import { huggingFaceTensors } from './huggingface-tensors.ts';
import { checkNewDirectory, makeDirectory, refuseFullDisk } from './new-directory.ts';
import { openAiTensors } from './openai-tensors.ts';

export interface ImportOptions {
  /** Palette file: .npy, or another preprocessor_config.json (default: the files beside the weights). */
  palette?: string | undefined;
  /** Number of heads, for weights without config.json. */
  heads?: number | undefined;
  /** What the class head reads (default: as config.json says, else as the layout and architecture say). */
  input?: ClassInput | undefined;
  /** Dtype to write (default: unchanged, but F64 becomes F32). */
  dtype?: FloatDtype | undefined;
  /** Name of the model, written as `_name_or_path` unless config.json has one. */
  name?: string | undefined;
  /** Which model to take from a file that holds several: the keys that lead to it, `ema` or `state_dict.student`. */
  key?: string | undefined;
  /** Replace an existing model (default false). */
  force?: boolean | undefined;
  /** Called with the bytes of weights written so far, and in total. */
  progress?: ((done: number, total: number) => void) | undefined;
}

export interface Imported {
  /** Format of the source: `PyTorch`, `PyTorch, legacy form`, `TensorFlow`, `safetensors`, or shards of these. */
  format: string;
  /** The new model directory, opened. */
  checkpoint: Checkpoint;
  /** Where the model lay in the file: `state_dict.model`. Empty if it is the whole file. */
  path: string;
  /** Paths of other models in the file. */
  others: readonly string[];
  /** Tensors of the file that belong to no model: optimizer, metrics, counters. */
  leftOut: readonly LeftOut[];
  /** Whether a probe.safetensors lies beside the weights. It is not imported. */
  probeBeside: boolean;
  /** Tensors whose source already held NaN or infinities; they are copied unchanged. */
  nonFinite: readonly NonFinite[];
}

/**
 * Creates a model directory from published weights: safetensors, config.json, and preprocessor_config.json with the
 * palette. It appears at `out` whole or not at all. Weights are streamed, with one matrix in memory at a time. The
 * layout is Hugging Face's, but OpenAI's for BERT models (see `toOpenAiConfig`).
 *
 * @param path a directory, or a weight file
 * @throws CheckpointError
 */
export async function importCheckpoint(path: string, out: string, options: ImportOptions = {}): Promise<Imported> {
  const { force = false } = options;
  await checkNewDirectory(out, force);
  const { directory, source } = await openSource(path);
  await using opened = source;
  await refuseSourceAsOutput(directory, out);
  const { tensors, beside, ...place } = chooseModel(opened, options.key);
  const own = { ...opened, tensors };
  const { nonFinite, unused } = await makeDirectory(out, force, (temporary) =>
    writeModel(temporary, directory, own, options),
  );
  const leftOut = countByGroup([...beside, ...unused]);
  const probeBeside = (await readdir(directory)).includes('probe.safetensors');
  return { format: opened.format, checkpoint: await openCheckpoint(out), ...place, leftOut, probeBeside, nonFinite };
}

/** Refuses to replace the source: files that are not imported (the probe, the README) would be lost. */
async function refuseSourceAsOutput(directory: string, out: string): Promise<void> {
  const place = await realpath(out).catch(() => undefined);
  if (place === undefined || place !== (await realpath(directory))) return;
  throw new CheckpointError('output_exists', `${out} is the folder of the weights to import; choose another name.`);
}

async function writeModel(
  temporary: string,
  directory: string,
  source: TensorSource,
  { palette, heads, input, dtype, name, progress }: ImportOptions,
): Promise<{ nonFinite: NonFinite[]; unused: string[] }> {
  const configPath = join(temporary, 'config.json');
  const read = await findConfig(directory, source, heads, temporary);
  const weights = sourceWeights(source, read);
  if (input !== undefined) {
    checkInput({ name: name ?? basename(directory), config: read.config, probe: undefined, weights }, input);
  }
  const found = { ...read, config: { ...read.config, input: input ?? read.config.input } };
  const bert = found.config.objective === 'bert';
  const json = bert
    ? { ...(name !== undefined && { _name_or_path: name }), ...asOpenAiConfig(found.json, found) }
    : huggingFaceConfig(found, weights, dtype ?? keptDtype(weights.wte.dtype) ?? 'F32', name);
  await createFile(configPath, `${JSON.stringify(json, undefined, 2)}\n`);
  const { config, crop } = await readConfigFile(configPath);

  const preprocessor = await findPreprocessor(directory, palette, config.n_positions);
  if (preprocessor !== undefined) {
    const preprocessorPath = join(temporary, 'preprocessor_config.json');
    await createFile(preprocessorPath, `${JSON.stringify(preprocessor)}\n`);
    await readPreprocessorFile(preprocessorPath, config, crop);
  }

  const tensors = bert
    ? await openAiTensors(weights, config, source.tensors, dtype)
    : huggingFaceTensors(weights, config, source.tensors, dtype);
  const total = totalBytes(tensors);
  refuseGrowth(total, source.bytes);
  await refuseFullDisk(temporary, total);
  const nonFinite: NonFinite[] = [];
  const watched = watchNonFinite(tensors, (found) => nonFinite.push(found));
  await writeShards(temporary, watched, { progress });
  await openCheckpoint(temporary);
  const used = new Set(listWeights(weights).map((weight) => weight.name));
  return { nonFinite, unused: [...source.tensors.keys()].filter((tensor) => !used.has(tensor)) };
}

interface FoundConfig extends ConfigFile {
  json: Record<string, unknown>;
}

const jsonSchema = z.record(z.string(), z.unknown());

/** Reads config.json beside the weights, or guesses it from the weights. */
async function findConfig(
  directory: string,
  source: TensorSource,
  heads: number | undefined,
  temporary: string,
): Promise<FoundConfig> {
  const path = join(directory, 'config.json');
  const json = await readJsonFile(path, jsonSchema, 'config_invalid');
  if (json !== undefined) {
    const file = await readConfigFile(path);
    if (heads !== undefined && heads !== file.config.n_head) {
      throw new CheckpointError(
        'config_invalid',
        `--heads is ${heads}, but config.json has n_head ${file.config.n_head}; leave out --heads, or correct config.json.`,
      );
    }
    return { ...file, json };
  }
  const guessed = guessConfig(source.tensors, heads);
  const guessedPath = join(temporary, 'config.json');
  await createFile(guessedPath, JSON.stringify(guessed));
  const file = await readConfigFile(guessedPath);
  await rm(guessedPath);
  return { ...file, json: guessed };
}

/** Maps the tensors to roles, with the same checks as for an opened checkpoint. */
function sourceWeights({ tensors }: TensorSource, { config }: FoundConfig): ImageGptWeights {
  const stored = [...tensors.values()].map(({ name, dtype, shape }) => {
    const tensor = { name, dtype: keptDtype(dtype) ?? dtype, shape, file: '', offset: 0, length: 0 };
    return [name, tensor] as const;
  });
  return weightsByRole({ directory: '', files: [], bytes: 0, tensors: new Map(stored) }, config);
}

/** A config.json that transformers reads: Hugging Face's with its gaps filled, or a new one for OpenAI's layout. */
function huggingFaceConfig(
  { json, config, crop, labels }: FoundConfig,
  weights: ImageGptWeights,
  dtype: FloatDtype,
  name: string | undefined,
): Record<string, unknown> {
  const { lmHead, score } = weights;
  const classifier = score === undefined ? 'ImageGPTModel' : 'ImageGPTForImageClassification';
  const own: Record<string, unknown> = {
    ...toHuggingFaceConfig(config, crop, dtype),
    ...(lmHead === undefined && { architectures: [classifier] }),
    ...(name !== undefined && { _name_or_path: name }),
  };
  if ('n_vocab' in json) {
    const names = Array.from({ length: score?.shape.at(-2) ?? 0 }, (_, i) => labels?.[i] ?? `LABEL_${i}`);
    return { ...own, ...(names.length > 0 && { id2label: Object.fromEntries(names.entries()) }) };
  }
  const { igpt: _, ...known } = own;
  const { dtype: __, igpt, ...kept } = json;
  const stated = { ...jsonSchema.nullish().parse(igpt), ...(config.input && { input: config.input }) };
  return { ...known, ...kept, torch_dtype: torchDtypes[dtype], igpt: stated };
}

/** Widening 16 bits doubles the size, and biases add little. Only a hostile file grows more, to fill the disk. */
const maxGrowth = 4;

function refuseGrowth(total: number, sourceBytes: number): void {
  if (total > maxGrowth * sourceBytes) {
    throw new CheckpointError(
      'weights_invalid',
      `The weights would grow from ${sourceBytes} to ${total} bytes, because many tensors share one storage; expected at most ${maxGrowth} times the size. Save them with separate storages.`,
    );
  }
}
