import { isMainThread } from 'node:worker_threads';

// onnxruntime sends names and hashes of models to Microsoft since version 1.29. This variable turns it off, but only if
// it is set before the library starts: https://github.com/microsoft/onnxruntime/blob/main/docs/Privacy.md
const { ORT_DISABLE_TELEMETRY: already } = process.env;
if (!isMainThread && already !== '1') {
  // In a thread, process.env is a copy that native code does not see.
  process.emitWarning(
    'Expected ORT_DISABLE_TELEMETRY=1 in the environment: a thread cannot turn off onnxruntime’s telemetry. Set it before the process starts, or import lib/runtime/telemetry-off.ts in the main thread first.',
    { code: 'telemetry_on' },
  );
}
Object.assign(process.env, { ORT_DISABLE_TELEMETRY: '1' });
