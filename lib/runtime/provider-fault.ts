import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { basename, dirname, join } from 'node:path';

/** Text of onnxruntime's error, which does not name the library. */
const notLoaded = 'Failed to load shared library';

/** The library of NVIDIA's driver, which comes from the machine and not from an image. */
const driver = 'libcuda.so.1';

/** CUDA's own message, without the places in onnxruntime's source. */
const cudaFailure = /CUDA failure \d+: [^;]+?(?= ;)/;

/** Why onnxruntime cannot use CUDA, for an error message: the missing library, or CUDA's own message. */
export function cudaFault(cause: unknown, missing: () => string | undefined = missingLibrary): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  const library = message.includes(notLoaded) ? missing() : undefined;
  if (library === driver)
    return `${driver}, NVIDIA's driver, is missing: start it on a machine with a GPU and its driver`;
  if (library !== undefined) return `${library} is missing: install it`;
  return cudaFailure.exec(message)?.[0] ?? 'its libraries or a device are missing';
}

/** First missing library of the CUDA provider; undefined if all load. Loads them again, as onnxruntime did. */
function missingLibrary(): string | undefined {
  const entry = createRequire(import.meta.url).resolve('onnxruntime-node');
  const folder = join(dirname(entry), '..', 'bin', 'napi-v6', process.platform, process.arch);
  // In this order, as the second needs a symbol of the first.
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
    // Also after a successful load, as the library is not a Node module.
    return error instanceof Error ? error.message : String(error);
  }
}

/** The missing library that an error of glibc's loader names. */
export function missingOf(loaderError: string): string | undefined {
  const [, file] = /^(\S+\.so[.\d]*): cannot open shared object file/.exec(loaderError) ?? [];
  return file === undefined ? undefined : basename(file);
}
