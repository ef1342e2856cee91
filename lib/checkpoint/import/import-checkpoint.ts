import { realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { ImageGptWeights } from '../../graph/weights.ts';
import { type Checkpoint, openCheckpoint } from '../checkpoint.ts';
import { type ConfigFile, readConfigFile, toHuggingFaceConfig, torchDtypes } from '../config-file.ts';
import { CheckpointError } from '../error.ts';
import { type FloatDtype, keptDtype } from '../float-dtype.ts';
import { readJsonFile } from '../json-file.ts';
import { type NonFinite, watchNonFinite } from '../non-finite.ts';
import { findPreprocessor } from '../palette-file.ts';
import { readPreprocessorFile } from '../preprocessor-file.ts';
import { totalBytes, writeShards } from '../safetensors/write-shards.ts';
import type { TensorSource } from '../tensor-source.ts';
import { weightsByRole } from '../weights-by-role.ts';
import { openSource } from './find-source.ts';
import { guessConfig } from './guess-config.ts';
import { huggingFaceTensors } from './huggingface-tensors.ts';
import { checkNewDirectory, makeDirectory, refuseFullDisk } from './new-directory.ts';

export interface ImportOptions {
  /** File with the palette: npy, or another preprocessor_config.json. Default: what lies beside the weights. */
  palette?: string | undefined;
  /** Heads of weights that came without config.json. */
  heads?: number | undefined;
  /** Dtype to write; default: as it was. */
  dtype?: FloatDtype | undefined;
  /** Name of the model, kept as `_name_or_path` where config.json has none. */
  name?: string | undefined;
  /** Replace a model that is there. Default false. */
  force?: boolean;
  /** Bytes of weights written, of how many. */
  progress?: (done: number, total: number) => void;
}

export interface Imported {
  /** What the weights came in: `PyTorch`, `PyTorch, legacy form`, `TensorFlow`, `safetensors`, or shards of these. */
  format: string;
  /** The directory that was written, opened. */
  checkpoint: Checkpoint;
  /** What of the written weights is no number: it came so, and was taken over as it was. */
  nonFinite: readonly NonFinite[];
}

/**
 * Makes a model directory of published weights: Hugging Face's layout in safetensors, config.json, and
 * preprocessor_config.json with the palette. Appears at `out` whole or not at all. Weights are streamed: one matrix of
 * the model is in memory at a time.
 *
 * @param path a directory, or a file of weights
 * @throws CheckpointError
 */
export async function importCheckpoint(path: string, out: string, options: ImportOptions = {}): Promise<Imported> {
  const { force = false } = options;
  await checkNewDirectory(out, force);
  const { directory, source } = await openSource(path);
  await refuseOwnPlace(directory, out);
  await using opened = { ...source, tensors: withoutWrapperPrefix(source.tensors) };
  const format = opened.format;
  const nonFinite = await makeDirectory(out, force, (temporary) => writeModel(temporary, directory, opened, options));
  return { format, checkpoint: await openCheckpoint(out), nonFinite };
}

/** Replaced by itself, a model would lose what an import leaves out: its probe, its README. */
async function refuseOwnPlace(directory: string, out: string): Promise<void> {
  const place = await realpath(out).catch(() => undefined);
  if (place === undefined || place !== (await realpath(directory))) return;
  throw new CheckpointError('output_exists', `${out} holds the weights to import; choose another name.`);
}

async function writeModel(
  temporary: string,
  directory: string,
  source: TensorSource,
  { palette, heads, dtype, name, progress = () => {} }: ImportOptions,
): Promise<NonFinite[]> {
  const configPath = join(temporary, 'config.json');
  const found = await findConfig(directory, source, heads, temporary);
  const weights = roles(source, found);
  const json = huggingFaceConfig(found, weights, dtype ?? keptDtype(weights.wte.dtype) ?? 'F32', name);
  await writeFile(configPath, `${JSON.stringify(json, undefined, 2)}\n`);
  const { config, crop } = await readConfigFile(configPath);

  const preprocessor = await findPreprocessor(directory, palette, config.n_positions);
  if (preprocessor !== undefined) {
    const preprocessorPath = join(temporary, 'preprocessor_config.json');
    await writeFile(preprocessorPath, `${JSON.stringify(preprocessor)}\n`);
    await readPreprocessorFile(preprocessorPath, config, crop);
  }

  const tensors = huggingFaceTensors(weights, config, source.tensors, { dtype });
  const total = totalBytes(tensors);
  refuseMoreThanThereIs(total, source.bytes);
  await refuseFullDisk(temporary, total);
  let done = 0;
  const nonFinite: NonFinite[] = [];
  const watched = watchNonFinite(tensors, (found) => nonFinite.push(found));
  await writeShards(temporary, watched, (bytes) => {
    done += bytes;
    progress(done, total);
  });
  await openCheckpoint(temporary);
  return nonFinite;
}

interface FoundConfig extends ConfigFile {
  json: Record<string, unknown>;
}

const jsonSchema = z.record(z.string(), z.unknown());

/** config.json beside the weights, or what the weights say without. */
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
        `config.json says ${file.config.n_head} heads, --heads ${heads}; leave one out.`,
      );
    }
    return { ...file, json };
  }
  const guessed = guessConfig(source.tensors, heads);
  const guessedPath = join(temporary, 'config.json');
  await writeFile(guessedPath, JSON.stringify(guessed));
  return { ...(await readConfigFile(guessedPath)), json: guessed };
}

/** Finds every weight, with all the checks of a checkpoint that is opened. */
function roles({ tensors }: TensorSource, { config }: FoundConfig): ImageGptWeights {
  const stored = [...tensors.values()].map(({ name, dtype, shape }) => {
    const tensor = { name, dtype: keptDtype(dtype) ?? dtype, shape, file: '', offset: 0, length: 0 };
    return [name, tensor] as const;
  });
  return weightsByRole({ directory: '', files: [], bytes: 0, tensors: new Map(stored) }, config);
}

/** A config.json that transformers reads: the one that was there with what it lacks, or a new one for OpenAI's. */
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
  const { dtype: __, ...kept } = json;
  return { ...known, ...kept, torch_dtype: torchDtypes[dtype] };
}

/** Widening 16 bits doubles a file, and biases add little; more means that tensors share their storage to fill the disk. */
const maxGrowth = 4;

function refuseMoreThanThereIs(total: number, sourceBytes: number): void {
  if (total > maxGrowth * sourceBytes) {
    throw new CheckpointError(
      'weights_invalid',
      `The weights would take ${total} bytes, but come in files of ${sourceBytes}: many tensors share one storage.`,
    );
  }
}

/** The token embeddings, which every iGPT has once: their name tells what stands before all others. */
const embeddings = /^(.+?\.)??(?:transformer\.)?wte\.weight$/;

/**
 * Tensors under the model's own names, without what training code puts before them all: `module.` (DataParallel),
 * `_orig_mod.` (torch.compile), `model.` (Lightning) or another. What has another beginning keeps its name.
 */
export function withoutWrapperPrefix(tensors: TensorSource['tensors']): TensorSource['tensors'] {
  const prefixes = [...tensors.keys()].flatMap((name) => embeddings.exec(name)?.[1] ?? []);
  const [prefix = '', another] = prefixes;
  if (prefix === '' || another !== undefined) return tensors;
  const own = new Map(
    [...tensors.values()].map((tensor) => {
      const name = tensor.name.startsWith(prefix) ? tensor.name.slice(prefix.length) : tensor.name;
      return [name, { ...tensor, name }] as const;
    }),
  );
  return own.size === tensors.size ? own : tensors; // two of one name: the longer one is then refused
}
