/**
 * A protobuf message (https://protobuf.dev/programming-guides/encoding), with the field kinds that ONNX needs. Pieces
 * are joined once at the end, so large ones are copied only once.
 */
export interface Message {
  pieces: Uint8Array[];
  /** Bytes in all pieces. */
  size: number;
}

/** Wire types of the encoding. */
const wireVarint = 0;
const wireBytes = 2;
const wireFixed32 = 5;

const encoder = new TextEncoder();

export function createMessage(): Message {
  return { pieces: [], size: 0 };
}

/** An integer field (int32, int64, enum). A negative number takes ten bytes, as protobuf requires. */
export function writeInt(message: Message, field: number, value: number): void {
  if (!Number.isSafeInteger(value)) {
    throw new RangeError(`Expected a safe integer for field ${field}, received ${value}`);
  }
  push(message, varint(field * 8 + wireVarint));
  push(message, varint(value));
}

/** A 32-bit float field. */
export function writeFloat(message: Message, field: number, value: number): void {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  push(message, varint(field * 8 + wireFixed32));
  push(message, bytes);
}

/** A bytes field. The bytes are not copied before {@link toBytes}. */
export function writeBytes(message: Message, field: number, bytes: Uint8Array): void {
  push(message, varint(field * 8 + wireBytes));
  push(message, varint(bytes.length));
  push(message, bytes);
}

/** A string field, UTF-8. */
export function writeString(message: Message, field: number, text: string): void {
  writeBytes(message, field, encoder.encode(text));
}

/** A nested message field. */
export function writeMessage(message: Message, field: number, inner: Message): void {
  push(message, varint(field * 8 + wireBytes));
  push(message, varint(inner.size));
  for (const piece of inner.pieces) push(message, piece);
}

export function toBytes(message: Message): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(message.size);
  let at = 0;
  for (const piece of message.pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

function push(message: Message, piece: Uint8Array): void {
  message.pieces.push(piece);
  message.size += piece.length;
}

/** Seven bits per byte, lowest first; the top bit is 1 if more bytes follow. */
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  if (value >= 0) {
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
    bytes.push(rest);
  } else {
    let rest = BigInt.asUintN(64, BigInt(value)); // two's complement
    for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) + 128);
    bytes.push(Number(rest));
  }
  return Uint8Array.from(bytes);
}
