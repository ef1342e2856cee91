/** Gives the memory of an array back at once, not when the garbage collector comes; nobody else may look at it. */
export function releaseMemory({ buffer }: Uint8Array | Float32Array): void {
  if (buffer instanceof ArrayBuffer) buffer.transfer(0);
}
