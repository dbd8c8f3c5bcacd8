import protobuf from 'protobufjs/light.js'

// The messages of ONNX that a model of layers needs, with the field numbers of onnx.proto (github.com/onnx/onnx, IR version 8).

/** Types of tensors and of attributes, as ONNX numbers them. */
export const tensorTypes = { float32: 1, uint8: 2, int64: 7 } as const
export const attributeTypes = { float: 1, int: 2, string: 3, ints: 7 } as const

export interface AttributeMessage {
  readonly name: string
  readonly type: number
  readonly f?: number
  readonly i?: number
  readonly s?: Uint8Array
  readonly ints?: readonly number[]
}

export interface NodeMessage {
  readonly name: string
  readonly opType: string
  readonly input: readonly string[]
  readonly output: readonly string[]
  readonly attribute: readonly AttributeMessage[]
}

export interface TensorMessage {
  readonly name: string
  readonly dims: readonly number[]
  readonly dataType: number
  readonly rawData: Uint8Array
}

/** A dimension is a number, or a name if its length is not fixed. */
export interface ValueMessage {
  readonly name: string
  readonly type: {
    readonly tensorType: {
      readonly elemType: number
      readonly shape: { readonly dim: readonly ({ dimValue: number } | { dimParam: string })[] }
    }
  }
}

interface ModelMessage {
  readonly irVersion: number
  readonly opsetImport: readonly { readonly domain: string; readonly version: number }[]
  readonly producerName: string
  readonly producerVersion: string
  readonly docString: string
  readonly graph: {
    readonly name: string
    readonly node: readonly NodeMessage[]
    readonly initializer: readonly TensorMessage[]
    readonly input: readonly ValueMessage[]
    readonly output: readonly ValueMessage[]
  }
  readonly metadataProps: readonly { readonly key: string; readonly value: string }[]
}

/** Fields of a message: number, type, and whether it is repeated. */
type Fields = Readonly<Record<string, readonly [number: number, type: string, rule?: 'repeated']>>

const messages: Readonly<Record<string, Fields>> = {
  AttributeProto: {
    name: [1, 'string'],
    f: [2, 'float'],
    i: [3, 'int64'],
    s: [4, 'bytes'],
    ints: [8, 'int64', 'repeated'],
    type: [20, 'int32'],
  },
  NodeProto: {
    input: [1, 'string', 'repeated'],
    output: [2, 'string', 'repeated'],
    name: [3, 'string'],
    opType: [4, 'string'],
    attribute: [5, 'AttributeProto', 'repeated'],
  },
  TensorProto: {
    dims: [1, 'int64', 'repeated'],
    dataType: [2, 'int32'],
    name: [8, 'string'],
    rawData: [9, 'bytes'],
  },
  DimensionProto: { dimValue: [1, 'int64'], dimParam: [2, 'string'] },
  TensorShapeProto: { dim: [1, 'DimensionProto', 'repeated'] },
  TensorTypeProto: { elemType: [1, 'int32'], shape: [2, 'TensorShapeProto'] },
  TypeProto: { tensorType: [1, 'TensorTypeProto'] },
  ValueInfoProto: { name: [1, 'string'], type: [2, 'TypeProto'] },
  GraphProto: {
    node: [1, 'NodeProto', 'repeated'],
    name: [2, 'string'],
    initializer: [5, 'TensorProto', 'repeated'],
    input: [11, 'ValueInfoProto', 'repeated'],
    output: [12, 'ValueInfoProto', 'repeated'],
  },
  OperatorSetIdProto: { domain: [1, 'string'], version: [2, 'int64'] },
  StringStringEntryProto: { key: [1, 'string'], value: [2, 'string'] },
  ModelProto: {
    irVersion: [1, 'int64'],
    producerName: [2, 'string'],
    producerVersion: [3, 'string'],
    docString: [6, 'string'],
    graph: [7, 'GraphProto'],
    opsetImport: [8, 'OperatorSetIdProto', 'repeated'],
    metadataProps: [14, 'StringStringEntryProto', 'repeated'],
  },
}

/** Encodes a model as the bytes of a .onnx file. */
export function encodeModel(model: ModelMessage): Uint8Array {
  const root = new protobuf.Root()
  for (const [name, fields] of Object.entries(messages)) {
    const type = new protobuf.Type(name)
    for (const [field, [number, of, rule]] of Object.entries(fields))
      type.add(new protobuf.Field(field, number, of, rule))
    root.add(type)
  }
  return root.lookupType('ModelProto').encode(model).finish()
}
