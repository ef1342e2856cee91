import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { basename, dirname, join } from 'node:path';

/** onnxruntime tells only its log which library it could not load. */
const NOT_LOADED = 'Failed to load shared library';

/** The driver's library: no image holds it. */
const DRIVER = 'libcuda.so.1';

/** What CUDA itself answered, without the places in onnxruntime's source. */
const CUDA_FAILURE = /CUDA failure \d+: [^;]+?(?= ;)/;

/** Why onnxruntime refused the provider CUDA, in words: the library that is missing, or CUDA's own answer. */
export function cudaFault(cause: unknown, missing: () => string | undefined = missingLibrary): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  const library = message.includes(NOT_LOADED) ? missing() : undefined;
  if (library === DRIVER)
    return `${DRIVER}, NVIDIA's driver, is missing: start it on a machine with a GPU and its driver`;
  if (library !== undefined) return `${library} is missing: install it`;
  return CUDA_FAILURE.exec(message)?.[0] ?? 'its libraries or a device are missing';
}

/** First library that the CUDA provider lacks; undefined where all load. Asks the loader, as onnxruntime did before. */
function missingLibrary(): string | undefined {
  const entry = createRequire(import.meta.url).resolve('onnxruntime-node');
  const folder = join(dirname(entry), '..', 'bin', 'napi-v6', process.platform, process.arch);
  // In onnxruntime's order: the first has a symbol that the second needs.
  for (const name of ['libonnxruntime_providers_shared.so', 'libonnxruntime_providers_cuda.so']) {
    const library = missingOf(loaderError(join(folder, name)));
    if (library !== undefined) return library;
  }
  return undefined;
}

function loaderError(file: string): string {
  try {
    process.dlopen({ exports: {} }, file, constants.dlopen.RTLD_NOW | constants.dlopen.RTLD_GLOBAL);
    return '';
  } catch (error) {
    // Also where it was loaded: it is no module of Node's.
    return error instanceof Error ? error.message : String(error);
  }
}

/** The library that glibc's loader names in its error. */
export function missingOf(loaderError: string): string | undefined {
  const [, file] = /^(\S+\.so[.\d]*): cannot open shared object file/.exec(loaderError) ?? [];
  return file === undefined ? undefined : basename(file);
}
