/** Without this variable onnxruntime sends telemetry to Microsoft (see lib/runtime/telemetry-off.ts). */
export const telemetryOff = { ORT_DISABLE_TELEMETRY: '1' };
