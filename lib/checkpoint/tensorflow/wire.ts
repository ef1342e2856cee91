import { CheckpointError } from '../error.ts';

/** Reads protobuf's wire format. LevelDB's tables use the same varints. */
export interface WireReader {
  /** Bytes that are not read yet. */
  readonly left: number;
  /** @throws CheckpointError `weights_invalid` if the number is not a safe integer */
  varint(): number;
  fixed32(): number;
  bytes(length: number): Buffer;
}

export function wireReader(buffer: Buffer, file: string): WireReader {
  let at = 0;

  function bytes(length: number): Buffer {
    if (length > buffer.length - at) throw invalidTensorFlow(file, 'an entry that is cut short');
    at += length;
    return buffer.subarray(at - length, at);
  }

  return {
    get left() {
      return buffer.length - at;
    },
    varint() {
      let value = 0;
      for (let scale = 1; ; scale *= 128) {
        const byte = bytes(1).readUInt8();
        value += (byte & 0x7f) * scale;
        if (!Number.isSafeInteger(value)) throw invalidTensorFlow(file, 'a number beyond 2^53');
        if (byte < 0x80) return value;
      }
    },
    fixed32: () => bytes(4).readUInt32LE(),
    bytes,
  };
}

/** A protobuf field: varint and fixed32 as numbers, the rest as bytes. */
export type Field = { number: number; value: number | Buffer };

/** An entry has 7 fields, a shape a few more. A field takes two bytes, so a hostile file could hold millions. */
const maxFields = 64;

/** Fields of a protobuf message, in order. */
export function fieldsOf(message: Buffer, file: string): Field[] {
  const reader = wireReader(message, file);
  const fields: Field[] = [];
  while (reader.left > 0) {
    if (fields.length === maxFields) throw invalidTensorFlow(file, `an entry of more than ${maxFields} fields`);
    const tag = reader.varint();
    const number = Math.floor(tag / 8);
    switch (tag % 8) {
      case 0:
        fields.push({ number, value: reader.varint() });
        break;
      case 1:
        fields.push({ number, value: reader.bytes(8) });
        break;
      case 2:
        fields.push({ number, value: reader.bytes(reader.varint()) });
        break;
      case 5:
        fields.push({ number, value: reader.fixed32() });
        break;
      default:
        throw invalidTensorFlow(file, `a field of wire type ${tag % 8}`);
    }
  }
  return fields;
}

/** The file has `found`, which no TensorFlow checkpoint has. */
export function invalidTensorFlow(file: string, found: string): CheckpointError {
  return new CheckpointError('weights_invalid', `${file} is not a valid TensorFlow checkpoint: it has ${found}.`);
}
