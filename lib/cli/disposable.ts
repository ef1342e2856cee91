/** `resource` for `await using`: it is closed at the end of the block, however that ends. */
export function disposable<T extends { close(): Promise<void> }>(resource: T): T & AsyncDisposable {
  return { ...resource, [Symbol.asyncDispose]: () => resource.close() };
}
