import type { Clock } from '../ports/clock.ts';

export interface GathererOptions<T> {
  /** Performs a group of items. Every item of a group resolves or rejects as its group does. */
  perform(items: T[]): Promise<void>;
  clock: Clock;
  /** Most items in a group. */
  maxItems: number;
  /** Longest time that an item waits for others (milliseconds). */
  maxWaitMs: number;
  /** The size of an item, and the largest size of a group. Default: unlimited. */
  size?: { of(item: T): number; most: number };
}

/** Gathers items that are added at about the same time into groups. */
export interface Gatherer<T> {
  /** Resolves when the item's group is done. */
  add(item: T): Promise<void>;
  /** Performs the open group at once. */
  flush(): void;
}

interface Group<T> {
  items: T[];
  size: number;
  done: PromiseWithResolvers<void>;
  timer: AbortController;
}

/**
 * A group is performed when it is full, when its first item has waited `maxWaitMs`, or when the next item is too large.
 */
export function createGatherer<T>(options: GathererOptions<T>): Gatherer<T> {
  const { perform, clock, maxItems, maxWaitMs, size = { of: () => 0, most: 0 } } = options;
  let open: Group<T> | undefined;

  function openGroup(): Group<T> {
    const group = { items: [], size: 0, done: Promise.withResolvers<void>(), timer: new AbortController() };
    void clock.sleep(maxWaitMs, group.timer.signal).then(() => {
      if (open === group) flush();
    });
    return group;
  }

  function flush(): void {
    if (open === undefined) return;
    const { items, done, timer } = open;
    open = undefined;
    // A string as reason: by default, abort creates an error with its stack trace.
    timer.abort('performed');
    perform(items).then(done.resolve, done.reject);
  }

  return {
    flush,
    add(item) {
      const itemSize = size.of(item);
      if (open !== undefined && open.size + itemSize > size.most) flush();
      open ??= openGroup();
      open.items.push(item);
      open.size += itemSize;
      const { promise } = open.done;
      if (open.items.length >= maxItems) flush();
      return promise;
    },
  };
}
