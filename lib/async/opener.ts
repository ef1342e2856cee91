/** Something that is opened when it is first needed. */
export interface Opener<T> {
  /** What is open. Opens it if it is not open yet; after a failure, the next call tries again. */
  get(): Promise<T>;
  /** The next call of `get` opens anew. False if nothing is open. */
  forget(): boolean;
}

export function createOpener<T>(open: () => Promise<T>): Opener<T> {
  let opened: Promise<T> | undefined;
  return {
    get() {
      if (opened !== undefined) return opened;
      const opening = open();
      opened = opening;
      opening.catch(() => {
        if (opened === opening) opened = undefined;
      });
      return opening;
    },
    forget() {
      const wasOpen = opened !== undefined;
      opened = undefined;
      return wasOpen;
    },
  };
}
