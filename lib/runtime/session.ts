import { elementsOf } from '../graph/graph.ts';
import type { ImageGptConfig } from '../image-gpt/config.ts';
import type { Provider } from '../ports/model.ts';
import { invalidInput, RuntimeError } from './error.ts';
import { env, InferenceSession, logFatal, Tensor } from './onnxruntime.ts';
import { cudaFault } from './provider-fault.ts';

export interface SessionOptions {
  /**
   * Folder of the weight files that the graph names, symbolic links resolved (default: the graph contains all weights).
   */
  directory?: string | undefined;
  /** Threads of an operation (default 1). One session per core is faster than one session that uses all cores. */
  threads?: number | undefined;
  /** Default `cpu`. */
  provider?: Provider | undefined;
  /**
   * Copy every matrix into the layout of the CPU's kernels, for this session alone (default false). S takes 12 % less
   * time and 6 MB more per layer. Sums are added in another order, so the last bits differ.
   */
  prepack?: boolean | undefined;
}

/** A tensor in C order. */
export type Input =
  | { type: 'float32'; data: Float32Array; dims: readonly number[] }
  | { type: 'int32'; data: Int32Array; dims: readonly number[] }
  /** Elements are 0 or 1. */
  | { type: 'bool'; data: Uint8Array; dims: readonly number[] };

export interface Output {
  data: Float32Array;
  dims: readonly number[];
}

export interface Session {
  readonly provider: Provider;
  /**
   * Executes the graph on exactly its inputs. This blocks the calling thread.
   *
   * @throws RuntimeError `input_invalid`, `run_failed`
   */
  execute(inputs: Readonly<Record<string, Input>>): Promise<Map<string, Output>>;
  close(): Promise<void>;
}

/** Version of onnxruntime, stored with results. */
export const onnxruntimeVersion: string = env.versions.node ?? 'unknown';

/**
 * Opens an ONNX graph. Weight files are mapped, so all sessions share one copy, which the system can drop and read
 * again.
 *
 * @throws RuntimeError `session_failed`, `provider_unavailable`
 */
export async function openSession(graph: Uint8Array<ArrayBuffer>, options: SessionOptions = {}): Promise<Session> {
  const { directory, threads = 1, provider = 'cpu', prepack = false } = options;
  const session = await InferenceSession.create(graph, {
    executionProviders: [provider],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // With planned memory, 26 layers of L take 3.0 GB instead of 0.5 GB and are no faster.
    enableMemPattern: false,
    logSeverityLevel: logFatal,
    extra: {
      session: {
        disable_prepacking: prepack ? '0' : '1',
        // A spinning thread would take a core from the decoder and from other sessions.
        intra_op: { allow_spinning: '0' },
        inter_op: { allow_spinning: '0' },
        ...(directory !== undefined && { model_external_initializers_file_folder_path: directory }),
      },
    },
  }).catch((cause: unknown) => {
    throw openError(provider, cause);
  });

  return {
    provider,
    async execute(inputs) {
      const feeds = toFeeds(session.inputMetadata, inputs);
      const results = await session.run(feeds).catch((cause: unknown) => {
        throw new RuntimeError('run_failed', 'onnxruntime failed to execute the graph; the cause says why.', { cause });
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
    if (!names.includes(name)) throw invalidInput(`Expected the inputs ${names.join(', ')}, received also ${name}.`);
  }
  return Object.fromEntries(expected.map((value) => [value.name, toTensor(value, inputs[value.name])]));
}

function toTensor(expected: InferenceSession.ValueMetadata, input: Input | undefined): Tensor {
  const { name } = expected;
  if (input === undefined) throw invalidInput(`Expected an input ${name}, received none.`);
  if (!expected.isTensor || expected.type !== input.type) {
    throw invalidInput(
      `Expected ${expected.isTensor ? expected.type : 'no tensor'} for ${name}, received ${input.type}.`,
    );
  }
  const { shape } = expected;
  const fits =
    shape.length === input.dims.length && shape.every((size, i) => typeof size === 'string' || size === input.dims[i]);
  if (!fits) throw invalidInput(`Expected [${shape.join(', ')}] for ${name}, received [${input.dims.join(', ')}].`);
  const elements = elementsOf(input.dims);
  if (input.data.length !== elements) {
    throw invalidInput(`Expected ${elements} elements for ${name}, received ${input.data.length}.`);
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

/**
 * onnxruntime's CPU kernels (MLAS, sgemm.cpp) divide the columns of a matrix product among threads in units of this.
 */
const columnUnit = 16;
/**
 * With at least this many units per thread (80 columns, the first multiple above 64), the kernel adds in the same
 * steps.
 */
const steadyUnits = 5;
/** The kernel adds sums of at most this many terms in one step. */
const stepTerms = 128;

/**
 * Largest number of threads, at most `wanted`, that gives the same bits as one thread. A product [rows, k] x [k,
 * columns] with more columns than rows is divided among threads by columns. A thread with few columns adds in other steps,
 * which changes bits. Division by rows changes nothing. `rows` are the rows of each product: a strip of a picture, or the samples of
 * a decoding step.
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
    .filter(({ k, columns }) => columns > rows && k > stepTerms)
    .map(({ columns }) => Math.max(1, Math.floor(columns / columnUnit / steadyUnits)))
    .reduce((threads, most) => Math.min(threads, most), wanted);
}
