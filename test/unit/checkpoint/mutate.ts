/** A change to a file, described by numbers only, so that fast-check can print and repeat a failing case. */
export type Mutation =
  | { kind: 'flip'; at: number; bits: number }
  | { kind: 'set'; at: number; byte: number }
  | { kind: 'cut'; at: number }
  | { kind: 'insert'; at: number; bytes: Uint8Array }
  | { kind: 'remove'; at: number; length: number }
  | { kind: 'copy'; from: number; to: number; length: number }
  | { kind: 'huge'; at: number; length: number };

/** Applies the mutations in order. `at`, `from` and `to` are places as shares of the file, 0 to 1. */
export function mutate(bytes: Buffer, mutations: readonly Mutation[]): Buffer {
  return mutations.reduce<Buffer>((file, mutation) => apply(file, mutation), Buffer.from(bytes));
}

function apply(file: Buffer, mutation: Mutation): Buffer {
  const place = (share: number) => Math.min(file.length, Math.floor(share * file.length));
  switch (mutation.kind) {
    case 'flip': {
      const at = place(mutation.at);
      if (at < file.length) file[at] = (file[at] ?? 0) ^ mutation.bits;
      return file;
    }
    case 'set':
      file.fill(mutation.byte, place(mutation.at), Math.min(file.length, place(mutation.at) + 1));
      return file;
    case 'cut':
      return file.subarray(0, place(mutation.at));
    case 'insert':
      return Buffer.concat([file.subarray(0, place(mutation.at)), mutation.bytes, file.subarray(place(mutation.at))]);
    case 'remove':
      return Buffer.concat([file.subarray(0, place(mutation.at)), file.subarray(place(mutation.at) + mutation.length)]);
    case 'copy':
      file.copy(file, place(mutation.to), place(mutation.from), place(mutation.from) + mutation.length);
      return file;
    case 'huge':
      file.fill(0xff, place(mutation.at), Math.min(file.length, place(mutation.at) + mutation.length));
      return file;
  }
}
