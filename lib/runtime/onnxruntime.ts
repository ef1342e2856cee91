// The one door to onnxruntime. Imports run in order, so telemetry is off before the native library loads.
import './telemetry-off.ts';

export { env, InferenceSession, Tensor } from 'onnxruntime-node';
