/**
 * Tells a thread that a process which exits may not begin native work, and tells the process whether it is in the midst
 * of some. onnxruntime-node aborts the whole process (Napi::Error, exit code 134) when its thread is ended in a call.
 * Two 32-bit words in shared memory: whether the gate is shut, whether somebody is inside.
 */
export type NativeGate = Int32Array<SharedArrayBuffer>;

const shut = 0;
const inside = 1;

/** Longer than one picture takes on any model that is run on a CPU; a thread that died inside never comes out. */
const maxWaitMs = 60_000;

export function createNativeGate(): NativeGate {
  return new Int32Array(new SharedArrayBuffer(8));
}

/** Does native work inside the gate; once it is shut, never begins. */
export async function insideGate<T>(gate: NativeGate, work: () => Promise<T>): Promise<T> {
  // First in, then a look at the gate: the other side shuts first and then looks inside, so one of both sees the other.
  Atomics.store(gate, inside, 1);
  if (Atomics.load(gate, shut) === 1) {
    leave(gate);
    return new Promise(() => undefined);
  }
  try {
    return await work();
  } finally {
    leave(gate);
  }
}

function leave(gate: NativeGate): void {
  Atomics.store(gate, inside, 0);
  Atomics.notify(gate, inside);
}

/** Shuts the gates for good and blocks this thread until nobody is inside. For the moment at which the process exits. */
export function shutGates(gates: readonly NativeGate[]): void {
  for (const gate of gates) {
    Atomics.store(gate, shut, 1);
  }
  for (const gate of gates) {
    Atomics.wait(gate, inside, 1, maxWaitMs);
  }
}
