import type { ImageGptConfig } from '../image-gpt/config.ts';
import type { Provider } from '../ports/model.ts';
import { RuntimeError } from './error.ts';
import { env, InferenceSession, Tensor } from './onnxruntime.ts';
import { cudaFault } from './provider-fault.ts';

export interface SessionOptions {
  /** Folder of the weight files that the graph names, symbolic links resolved. Default: the graph holds everything. */
  directory?: string;
  /** Threads within an operation. Default 1: one session for each core is faster than one session on all. */
  threads?: number;
  /** Default `cpu`. */
  provider?: Provider;
  /**
   * Copy every matrix into the layout of the processor's kernels, privately for this session: S takes 12 % less time,
   * for 6 MB a layer. Other steps of the sums: the last bits differ from those without. Default false.
   */
  prepack?: boolean;
}

/** A tensor in C order. */
export type Input =
  | { type: 'float32'; data: Float32Array; dims: readonly number[] }
  | { type: 'int32'; data: Int32Array; dims: readonly number[] }
  /** 0 or 1 an element. */
  | { type: 'bool'; data: Uint8Array; dims: readonly number[] };

export interface Output {
  data: Float32Array;
  dims: readonly number[];
}

export interface Session {
  readonly provider: Provider;
  /**
   * Runs the graph on exactly its inputs. It blocks this thread: use a worker thread where others must go on.
   *
   * @throws RuntimeError `input_invalid`, `run_failed`
   */
  run(inputs: Readonly<Record<string, Input>>): Promise<Map<string, Output>>;
  close(): Promise<void>;
}

/** Version of onnxruntime, for the record. */
export const onnxruntimeVersion: string = env.versions.node ?? 'unknown';

// onnxruntime would write its errors to standard error itself; we throw them.
env.logLevel = 'fatal';
/** The same for what a session says. */
const LOG_FATAL = 4;

/**
 * Opens an ONNX graph. Weights in files are mapped, not read: all sessions share one copy, which the system may drop.
 *
 * @throws RuntimeError `session_failed`, `provider_unavailable`
 */
export async function openSession(graph: Uint8Array<ArrayBuffer>, options: SessionOptions = {}): Promise<Session> {
  const { directory, threads = 1, provider = 'cpu', prepack = false } = options;
  const session = await InferenceSession.create(graph, {
    executionProviders: [provider],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // Planning all activations at once takes several times the memory (26 layers of L: 3.0 GB against 0.5) for no speed.
    enableMemPattern: false,
    logSeverityLevel: LOG_FATAL,
    extra: {
      session: {
        disable_prepacking: prepack ? '0' : '1',
        // A waiting thread that spins takes the core from the decoder, and from the other sessions.
        intra_op: { allow_spinning: '0' },
        inter_op: { allow_spinning: '0' },
        ...(directory === undefined ? {} : { model_external_initializers_file_folder_path: directory }),
      },
    },
  }).catch((cause: unknown) => {
    throw openError(provider, cause);
  });

  return {
    provider,
    async run(inputs) {
      const feeds = toFeeds(session.inputMetadata, inputs);
      const results = await session.run(feeds).catch((cause: unknown) => {
        throw new RuntimeError('run_failed', 'onnxruntime failed to run the graph.', { cause });
      });
      return new Map(Object.entries(results).map(([name, tensor]) => [name, toOutput(name, tensor)]));
    },
    close: () => session.release(),
  };
}

function openError(provider: Provider, cause: unknown): RuntimeError {
  if (provider !== 'cpu') {
    const fault = provider === 'cuda' ? cudaFault(cause) : 'its libraries or a device are missing: install them';
    return new RuntimeError(
      'provider_unavailable',
      `onnxruntime cannot open the graph on ${provider}: ${fault}, or use cpu.`,
      { cause },
    );
  }
  return new RuntimeError(
    'session_failed',
    'onnxruntime cannot open the graph: the weights do not fit config.json, or a weight file was changed or removed.',
    { cause },
  );
}

function toFeeds(
  expected: readonly InferenceSession.ValueMetadata[],
  inputs: Readonly<Record<string, Input>>,
): Record<string, Tensor> {
  const names = expected.map((value) => value.name);
  for (const name of Object.keys(inputs)) {
    if (!names.includes(name)) throw invalid(`Expected the inputs ${names.join(', ')}, received ${name} as well.`);
  }
  return Object.fromEntries(expected.map((value) => [value.name, toTensor(value, inputs[value.name])]));
}

function toTensor(expected: InferenceSession.ValueMetadata, input: Input | undefined): Tensor {
  const { name } = expected;
  if (input === undefined) throw invalid(`Expected an input ${name}, received none.`);
  if (!expected.isTensor || expected.type !== input.type) {
    throw invalid(`Expected ${expected.isTensor ? expected.type : 'no tensor'} for ${name}, received ${input.type}.`);
  }
  const { shape } = expected;
  const fits =
    shape.length === input.dims.length && shape.every((size, i) => typeof size === 'string' || size === input.dims[i]);
  if (!fits) throw invalid(`Expected [${shape.join(', ')}] for ${name}, received [${input.dims.join(', ')}].`);
  const elements = input.dims.reduce((product, size) => product * size, 1);
  if (input.data.length !== elements) {
    throw invalid(`Expected ${elements} elements for ${name}, received ${input.data.length}.`);
  }
  switch (input.type) {
    case 'float32':
      return new Tensor('float32', input.data, input.dims);
    case 'int32':
      return new Tensor('int32', input.data, input.dims);
    case 'bool':
      return new Tensor('bool', input.data, input.dims);
  }
}

function toOutput(name: string, tensor: InferenceSession.OnnxValueMapType[string]): Output {
  if (!(tensor.data instanceof Float32Array)) {
    throw new RuntimeError('run_failed', `Expected float32 for output ${name}, received ${tensor.type}.`);
  }
  return { data: tensor.data, dims: tensor.dims };
}

function invalid(message: string): RuntimeError {
  return new RuntimeError('input_invalid', message);
}

/** Columns of a matrix product that onnxruntime's CPU kernels (MLAS, sgemm.cpp) give to threads as a unit. */
const COLUMN_UNIT = 16;
/** From so many columns a thread on, the kernel adds up along k in the same steps: 80 is the first unit above 64. */
const STEADY_UNITS = 5;
/** Up to so many terms, a sum is never cut into steps. */
const STEP = 128;

/**
 * Threads, at most `wanted`, with which the model gives the same bits as with one. A product [rows, k] x [k, columns] is
 * shared out by rows, which changes nothing, unless it has more columns than rows; then a thread with few columns adds
 * up in other steps. `rows` is what the graph multiplies at a time: a strip of a picture, or the samples of a decoding
 * step.
 */
export function steadyThreads(config: ImageGptConfig, wanted: number, rows: number): number {
  const { n_embd: d, n_inner, n_colors } = config;
  const products = [
    { k: d, columns: d },
    { k: d, columns: 3 * d },
    { k: d, columns: n_inner },
    { k: n_inner, columns: d },
    { k: d, columns: n_colors },
  ];
  return products
    .filter(({ k, columns }) => columns > rows && k > STEP)
    .map(({ columns }) => Math.max(1, Math.floor(columns / COLUMN_UNIT / STEADY_UNITS)))
    .reduce((threads, most) => Math.min(threads, most), wanted);
}
