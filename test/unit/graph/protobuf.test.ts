import { expect, test } from 'vitest';
import {
  createMessage,
  toBytes,
  writeBytes,
  writeFloat,
  writeInt,
  writeMessage,
  writeString,
} from '../../../lib/graph/protobuf.ts';

test('an integer field is its tag and seven bits per byte, lowest first', () => {
  const message = createMessage();
  writeInt(message, 1, 150); // the example of protobuf's own documentation: 08 96 01
  expect([...toBytes(message)]).toEqual([0x08, 0x96, 0x01]);
});

test('integers beyond 32 bits keep every bit', () => {
  const message = createMessage();
  writeInt(message, 1, 2 ** 40);
  expect([...toBytes(message)]).toEqual([0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20]);
});

test('a negative integer takes ten bytes', () => {
  const message = createMessage();
  writeInt(message, 1, -1);
  expect([...toBytes(message)]).toEqual([0x08, ...Array(9).fill(0xff), 0x01]);
});

test('field numbers above 15 take two bytes', () => {
  const message = createMessage();
  writeInt(message, 20, 2); // 20 x 8 = 160 = a0 01
  expect([...toBytes(message)]).toEqual([0xa0, 0x01, 0x02]);
});

test('a float field is four bytes, little endian', () => {
  const message = createMessage();
  writeFloat(message, 2, 1.5); // 0x3fc00000
  expect([...toBytes(message)]).toEqual([0x15, 0x00, 0x00, 0xc0, 0x3f]);
});

test('a string is UTF-8, after its length in bytes', () => {
  const message = createMessage();
  writeString(message, 2, 'é');
  expect([...toBytes(message)]).toEqual([0x12, 0x02, 0xc3, 0xa9]);
});

test('an inner message follows its length', () => {
  const inner = createMessage();
  writeInt(inner, 1, 150);
  const message = createMessage();
  writeMessage(message, 3, inner);
  writeBytes(message, 4, Uint8Array.of(7));
  expect([...toBytes(message)]).toEqual([0x1a, 0x03, 0x08, 0x96, 0x01, 0x22, 0x01, 0x07]);
});

test('a fraction is refused as an integer', () => {
  expect(() => writeInt(createMessage(), 1, 1.5)).toThrow('Expected a safe integer for field 1, received 1.5');
});
