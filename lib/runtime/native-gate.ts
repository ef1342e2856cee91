/**
 * Lets a process exit while a thread uses onnxruntime-node. If a thread is ended during a call, onnxruntime-node aborts the
 * whole process (Napi::Error, exit code 134). Once the gate is shut, the thread starts no call; the process waits for a
 * call in progress. Two 32-bit words in shared memory: is the gate shut, is the thread inside.
 */
export type NativeGate = Int32Array<SharedArrayBuffer>;

const shut = 0;
const inside = 1;

/** Longer than a picture takes with any model on a CPU. A thread that stopped inside never leaves. */
const maxWaitMs = 60_000;

export function createNativeGate(): NativeGate {
  return new Int32Array(new SharedArrayBuffer(8));
}

/** Does native work inside the gate. Once the gate is shut, the promise never resolves and the work is not started. */
export async function insideGate<T>(gate: NativeGate, work: () => Promise<T>): Promise<T> {
  // Enter first, then check the gate. The other side shuts first, then checks inside: so one of them sees the other.
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

/** Shuts the gates for good and blocks this thread until no other is inside. Called when the process exits. */
export function shutGates(gates: readonly NativeGate[]): void {
  for (const gate of gates) {
    Atomics.store(gate, shut, 1);
  }
  for (const gate of gates) {
    Atomics.wait(gate, inside, 1, maxWaitMs);
  }
}
