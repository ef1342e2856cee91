/** Frees the memory of an array at once, without waiting for the garbage collector. The array must not be used again. */
export function releaseMemory({ buffer }: Uint8Array | Float32Array): void {
  if (buffer instanceof ArrayBuffer) buffer.transfer(0);
}
