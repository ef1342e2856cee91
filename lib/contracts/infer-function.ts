import { z } from 'zod';
import { deliveryMessages, inferTimeoutSeconds } from './delivery.ts';
import { maxPicturesPerMessage } from './limits.ts';

/** Sizes of the inference function (MB). Source: AWS Lambda Developer Guide, "Lambda quotas". */
export const inferMemory = {
  /** Node, onnxruntime and a small model. */
  min: 1024,
  /** The most that a new account may use. */
  default: 3008,
  max: 10_240,
};

/** A function gets a vCPU for each of these (MB). Source: AWS Lambda Developer Guide, "Configure Lambda function memory". */
export const vcpuMegabytes = 1769;

/**
 * What a vCPU computes at least (GFLOP/s): a sixth of one of our cores with AVX-512 (docs/benchmarks.md). A vCPU is a
 * hyperthread, and Lambda's processors may have AVX2 only.
 */
const vcpuGflops = 30;

/** Share of the timeout that a delivery may take. */
const deliveryShare = 1 / 3;

/** The least, which is free; the most is 10,240. Source: AWS Lambda Developer Guide, "Configure ephemeral storage". */
const leastStorageMegabytes = 512;

/** For the small files of a checkpoint. */
const spareStorageMegabytes = 100;

/** Most weights (MB): iGPT-M has 1,820. Each new function fetches them before its first picture; 5 GB would take minutes. */
const maxWeightMegabytes = 2048;

/** Node, onnxruntime's library and the activations of two threads (MB). */
const baseMegabytes = 700;

/** What decides whether a model fits a function. functions/infer/print-function-model.ts prints it. */
export const functionModel = z.object({
  /** GFLOP of one picture. */
  gflop: z.number().positive(),
  /** Numbers in the weights. */
  parameters: z.number().positive(),
  /** Size of the weight files (bytes). */
  bytes: z.number().positive(),
  /** Whether they are not computed as they are stored: each thread then converts them into memory of its own. */
  converted: z.boolean(),
});

export type FunctionModel = z.output<typeof functionModel>;

/** @param precision number format in which the model computes */
export function functionModelOf(
  { gflop, parameters, bytes }: Omit<FunctionModel, 'converted'>,
  precision: string,
): FunctionModel {
  const stored32 = Math.round(bytes / parameters) === 4;
  return { gflop, parameters, bytes, converted: precision !== 'f32' || !stored32 };
}

/** Threads of the model: one for each vCPU, also for a part of one, as far as the memory holds their weights. */
export function inferThreads(model: FunctionModel, megabytes: number): number {
  const vcpus = Math.ceil(megabytes / vcpuMegabytes);
  if (!model.converted) return vcpus;
  return Math.max(Math.min(Math.floor((megabytes - baseMegabytes) / weightMegabytes(model)), vcpus), 1);
}

/**
 * Most pictures in a tokens message, so that a delivery ends in a third of the timeout: 0 to 100. At 0 even one is too
 * many.
 */
export function picturesPerMessage(model: FunctionModel, megabytes: number): number {
  const seconds = inferTimeoutSeconds * deliveryShare;
  return Math.min(Math.floor(seconds / secondsPerPicture(model, megabytes) / deliveryMessages), maxPicturesPerMessage);
}

/**
 * Size of /tmp for a function (MB): for the model from S3, and for weights that are converted there. A matrix that int8
 * changes too much is stored in 32 bits (lib/runtime/precision.ts).
 */
export function inferStorage({ parameters, bytes, converted }: FunctionModel): number {
  const derived = converted ? 4 * parameters : 0;
  return Math.max(Math.ceil((bytes + derived) / 1e6) + spareStorageMegabytes, leastStorageMegabytes);
}

/** Why a model cannot run in a function with this memory (MB). Undefined: it can. */
export function whyNoFunction(model: FunctionModel, megabytes: number): string | undefined {
  const weights = Math.ceil(weightMegabytes(model));
  const needed = weights + baseMegabytes;
  if (weights > maxWeightMegabytes) {
    return `expected weights of up to ${maxWeightMegabytes} MB, because each function fetches them before its first picture; these have ${weights} MB in 32 bits. Deploy this model with compute=gpu`;
  }
  if (needed > megabytes) {
    return `expected inferMemory of at least ${needed} (MB), for ${weights} MB of weights; received ${megabytes}`;
  }
  if (picturesPerMessage(model, megabytes) > 0) return undefined;
  const seconds = Math.round(secondsPerPicture(model, megabytes));
  return `expected at most ${(inferTimeoutSeconds * deliveryShare) / deliveryMessages} s a picture, so that a delivery of ${deliveryMessages} ends in a third of the longest time that Lambda allows; this model takes about ${seconds} s with ${megabytes} MB. Raise inferMemory (up to ${inferMemory.max}), or deploy this model with compute=gpu`;
}

function secondsPerPicture(model: FunctionModel, megabytes: number): number {
  const vcpus = Math.min(megabytes / vcpuMegabytes, inferThreads(model, megabytes));
  return model.gflop / (vcpuGflops * vcpus);
}

/** Weights in 32 bits. */
function weightMegabytes({ parameters }: FunctionModel): number {
  return (4 * parameters) / 1e6;
}
