// The only import of onnxruntime-node. Imports are executed in order, so telemetry is off before the native library
// loads.
import './telemetry-off.ts';
import { env } from 'onnxruntime-node';

export { env, InferenceSession, Tensor } from 'onnxruntime-node';

// Errors are thrown; onnxruntime would also write them to standard error.
env.logLevel = 'fatal';

/** `fatal` as a session's logSeverityLevel. */
export const logFatal = 4;
