/** onnxruntime reports to Microsoft without it (see lib/runtime/telemetry-off.ts). */
export const telemetryOff = { ORT_DISABLE_TELEMETRY: '1' };
