import { type Attribute, type Graph, type GraphValue, type Initializer, type Node, onnxElementType } from './graph.ts';
import {
  createMessage,
  type Message,
  toBytes,
  writeBytes,
  writeFloat,
  writeInt,
  writeMessage,
  writeString,
} from './protobuf.ts';

/** IR version of ONNX 1.16, which introduced {@link operatorSet}. */
const irVersion = 10;
/** The newest operator set that onnxruntime supports since 1.18. */
const operatorSet = 21;
const microsoftOperatorSet = 1;

/** AttributeProto.AttributeType of onnx.proto. */
const attributeType: Readonly<Record<Attribute['kind'], number>> = { float: 1, int: 2, string: 3, floats: 6, ints: 7 };

/** TensorProto.DataLocation of onnx.proto. */
const externalData = 1;

/**
 * Writes a graph as an ONNX ModelProto, with the field numbers of onnx.proto. A constant in a file becomes `location`
 * (relative to the session's folder), `offset` and `length`.
 */
export function writeOnnx(graph: Graph): Uint8Array<ArrayBuffer> {
  const model = createMessage();
  writeInt(model, 1, irVersion);
  writeString(model, 2, 'image-gpt-serverless');
  writeMessage(model, 7, graphProto(graph));
  writeMessage(model, 8, operatorSetProto('', operatorSet));
  writeMessage(model, 8, operatorSetProto('com.microsoft', microsoftOperatorSet));
  return toBytes(model);
}

function graphProto(graph: Graph): Message {
  const message = createMessage();
  for (const node of graph.nodes) writeMessage(message, 1, nodeProto(node));
  writeString(message, 2, graph.name);
  for (const initializer of graph.initializers.values()) writeMessage(message, 5, tensorProto(initializer));
  for (const input of graph.inputs) writeMessage(message, 11, valueInfoProto(input));
  for (const output of graph.outputs) writeMessage(message, 12, valueInfoProto(output));
  return message;
}

function nodeProto(node: Node): Message {
  const message = createMessage();
  for (const input of node.inputs) writeString(message, 1, input);
  for (const output of node.outputs) writeString(message, 2, output);
  writeString(message, 4, node.operator);
  for (const [name, attribute] of Object.entries(node.attributes)) {
    writeMessage(message, 5, attributeProto(name, attribute));
  }
  if (node.domain !== '') writeString(message, 7, node.domain);
  return message;
}

function attributeProto(name: string, attribute: Attribute): Message {
  const message = createMessage();
  writeString(message, 1, name);
  switch (attribute.kind) {
    case 'float':
      writeFloat(message, 2, attribute.value);
      break;
    case 'int':
      writeInt(message, 3, attribute.value);
      break;
    case 'string':
      writeString(message, 4, attribute.value);
      break;
    case 'floats':
      for (const value of attribute.value) writeFloat(message, 7, value);
      break;
    case 'ints':
      for (const value of attribute.value) writeInt(message, 8, value);
      break;
  }
  writeInt(message, 20, attributeType[attribute.kind]);
  return message;
}

function tensorProto(initializer: Initializer): Message {
  const message = createMessage();
  for (const size of initializer.shape) writeInt(message, 1, size);
  writeInt(message, 2, onnxElementType[initializer.type]);
  writeString(message, 8, initializer.name);
  if ('bytes' in initializer) {
    writeBytes(message, 9, initializer.bytes);
  } else {
    writeMessage(message, 13, entryProto('location', initializer.file));
    writeMessage(message, 13, entryProto('offset', String(initializer.offset)));
    writeMessage(message, 13, entryProto('length', String(initializer.length)));
    writeInt(message, 14, externalData);
  }
  return message;
}

function entryProto(key: string, value: string): Message {
  const message = createMessage();
  writeString(message, 1, key);
  writeString(message, 2, value);
  return message;
}

function valueInfoProto(value: GraphValue): Message {
  const shape = createMessage();
  for (const size of value.shape) {
    const dimension = createMessage();
    if (typeof size === 'number') writeInt(dimension, 1, size);
    else writeString(dimension, 2, size);
    writeMessage(shape, 1, dimension);
  }
  const tensor = createMessage();
  writeInt(tensor, 1, onnxElementType[value.type]);
  writeMessage(tensor, 2, shape);
  const type = createMessage();
  writeMessage(type, 1, tensor);
  const message = createMessage();
  writeString(message, 1, value.name);
  writeMessage(message, 2, type);
  return message;
}

function operatorSetProto(domain: string, version: number): Message {
  const message = createMessage();
  if (domain !== '') writeString(message, 1, domain);
  writeInt(message, 2, version);
  return message;
}
