import { isMainThread } from 'node:worker_threads';

// onnxruntime sends names and hashes of models to Microsoft from version 1.29 on. The variable turns that off for the
// process, but only if it is set before the library starts: https://github.com/microsoft/onnxruntime/blob/main/docs/Privacy.md
const { ORT_DISABLE_TELEMETRY: already } = process.env;
if (!isMainThread && already !== '1') {
  // A worker thread's process.env is a copy, which native code never sees.
  process.emitWarning(
    'Expected ORT_DISABLE_TELEMETRY=1 in the environment, as a worker thread cannot turn off onnxruntime’s telemetry. Set it before the process starts, or import lib/runtime/telemetry-off.ts in the main thread first.',
    { code: 'telemetry_on' },
  );
}
Object.assign(process.env, { ORT_DISABLE_TELEMETRY: '1' });
