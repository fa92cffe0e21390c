// The OpenAPI v2 document as the protobuf message openapi.v2.Document of google/gnostic-models, which is the only form that
// kubectl's client library asks for. Field numbers are that message's.
import {
  any,
  bool,
  double,
  entriesOf,
  fail,
  integer,
  isReference,
  list,
  mapOf,
  member,
  message,
  named,
  text,
  textOf,
  texts,
  wrapped,
  writeDocument,
  type Encode,
  type Message,
} from './document-writer.ts';
import type { Schema as Json } from './schemas.ts';

/** The document as JSON has it, such as openApiV2 makes; anything else is an AssertionError. */
export const openApiV2Protobuf = async (
  document: Json,
  pause: () => Promise<void> = async () => {},
): Promise<Uint8Array> =>
  writeDocument(
    documentMessage,
    document,
    [
      { message: pathItemMessage, values: Object.values((document['paths'] ?? {}) as object) },
      { message: schemaMessage, values: Object.values((document['definitions'] ?? {}) as object) },
    ],
    pause,
  );

const reference = message(() => ({ name: 'JsonReference', fields: { $ref: [1, text], description: [2, text] } }));

/** The facts of a value that is no object, in their order from a number on. */
const primitiveFields = (from: number): Message['fields'] => ({
  type: [from, text],
  format: [from + 1, text],
  items: [from + 2, message(() => primitivesItemsMessage)],
  collectionFormat: [from + 3, text],
  default: [from + 4, any],
  maximum: [from + 5, double],
  exclusiveMaximum: [from + 6, bool],
  minimum: [from + 7, double],
  exclusiveMinimum: [from + 8, bool],
  maxLength: [from + 9, integer],
  minLength: [from + 10, integer],
  pattern: [from + 11, text],
  maxItems: [from + 12, integer],
  minItems: [from + 13, integer],
  uniqueItems: [from + 14, bool],
  enum: [from + 15, list(any)],
  multipleOf: [from + 16, double],
});
const primitivesItemsMessage: Message = { name: 'PrimitivesItems', fields: primitiveFields(1), extensions: 18 };
const headerMessage: Message = {
  name: 'Header',
  fields: { ...primitiveFields(1), description: [18, text] },
  extensions: 19,
};

const schema = message(() => schemaMessage);
const externalDocs = message(() => ({
  name: 'ExternalDocs',
  fields: { description: [1, text], url: [2, text] },
  extensions: 3,
}));
const schemaMessage: Message = {
  name: 'Schema',
  fields: {
    $ref: [1, text],
    format: [2, text],
    title: [3, text],
    description: [4, text],
    default: [5, any],
    multipleOf: [6, double],
    maximum: [7, double],
    exclusiveMaximum: [8, bool],
    minimum: [9, double],
    exclusiveMinimum: [10, bool],
    maxLength: [11, integer],
    minLength: [12, integer],
    pattern: [13, text],
    maxItems: [14, integer],
    minItems: [15, integer],
    uniqueItems: [16, bool],
    maxProperties: [17, integer],
    minProperties: [18, integer],
    required: [19, texts],
    enum: [20, list(any)],
    additionalProperties: [
      21,
      (writer, number, value) =>
        writer.message(number, () => {
          // A choice: false is written, too.
          if (typeof value === 'boolean') writer.bool(2, value);
          else schema(writer, 1, value);
        }),
    ],
    type: [22, (writer, number, value) => wrapped(1, texts)(writer, number, Array.isArray(value) ? value : [value])],
    items: [23, wrapped(1, schema)],
    allOf: [24, list(schema)],
    properties: [25, mapOf(schema)],
    discriminator: [26, text],
    readOnly: [27, bool],
    externalDocs: [29, externalDocs],
    example: [30, any],
  },
  extensions: 31,
};

const parameterHead = { required: [1, bool], in: [2, text], description: [3, text], name: [4, text] } as const;
const plainParameter: Message = {
  name: 'parameter of path or header',
  fields: { ...parameterHead, ...primitiveFields(5) },
  extensions: 22,
};
const emptiableParameter: Message = {
  name: 'parameter of query or form',
  fields: { ...parameterHead, allowEmptyValue: [5, bool], ...primitiveFields(6) },
  extensions: 23,
};
const bodyParameter: Message = {
  name: 'BodyParameter',
  fields: { description: [1, text], name: [2, text], in: [3, text], required: [4, bool], schema: [5, schema] },
  extensions: 6,
};
/** The number within NonBodyParameter, by `in`. */
const nonBodyParameters: Readonly<Record<string, readonly [number, Message]>> = {
  header: [1, plainParameter],
  formData: [2, emptiableParameter],
  query: [3, emptiableParameter],
  path: [4, plainParameter],
};
const parameter: Encode = (writer, number, value) => {
  const place = textOf(member(value, 'in'));
  if (place === 'body')
    return wrapped(
      1,
      message(() => bodyParameter),
    )(writer, number, value);
  const [inner, layout] = nonBodyParameters[place] ?? fail(`parameters are not in ${place}`);
  return wrapped(
    2,
    wrapped(
      inner,
      message(() => layout),
    ),
  )(writer, number, value);
};
/** A parameter or a reference to one. */
const parametersItem: Encode = (writer, number, value) =>
  (isReference(value) ? wrapped(2, reference) : wrapped(1, parameter))(writer, number, value);

const responseMessage: Message = {
  name: 'Response',
  fields: {
    description: [1, text],
    schema: [2, wrapped(1, schema)],
    headers: [3, mapOf(message(() => headerMessage))],
    examples: [4, mapOf(any)],
  },
  extensions: 5,
};
const responseValue: Encode = (writer, number, value) =>
  (isReference(value)
    ? wrapped(2, reference)
    : wrapped(
        1,
        message(() => responseMessage),
      ))(writer, number, value);
/** Named values beside extensions, in one object. */
const namedBesideExtensions =
  (encode: Encode, number: number, extensions: number): Encode =>
  (writer, outer, value) =>
    writer.message(outer, () => {
      for (const [name, one] of entriesOf(value))
        if (name.startsWith('x-')) named(any)(writer, extensions, name, one);
        else named(encode)(writer, number, name, one);
    });

const security = list((writer, number, value) =>
  mapOf((inner, place, names) => wrapped(1, texts)(inner, place, names))(writer, number, value),
);
const operation = message(() => ({
  name: 'Operation',
  fields: {
    tags: [1, texts],
    summary: [2, text],
    description: [3, text],
    externalDocs: [4, externalDocs],
    operationId: [5, text],
    produces: [6, texts],
    consumes: [7, texts],
    parameters: [8, list(parametersItem)],
    responses: [9, namedBesideExtensions(responseValue, 1, 2)],
    schemes: [10, texts],
    deprecated: [11, bool],
    security: [12, security],
  },
  extensions: 13,
}));
const pathItemMessage: Message = {
  name: 'PathItem',
  fields: {
    $ref: [1, text],
    get: [2, operation],
    put: [3, operation],
    post: [4, operation],
    delete: [5, operation],
    options: [6, operation],
    head: [7, operation],
    patch: [8, operation],
    parameters: [9, list(parametersItem)],
  },
  extensions: 10,
};
const pathItem = message(() => pathItemMessage);

const basicSecurity: Message = {
  name: 'BasicAuthenticationSecurity',
  fields: { type: [1, text], description: [2, text] },
  extensions: 3,
};
const keySecurity: Message = {
  name: 'ApiKeySecurity',
  fields: { type: [1, text], name: [2, text], in: [3, text], description: [4, text] },
  extensions: 5,
};
/** OAuth has four messages of its own; this server offers none of them. */
const securityDefinition: Encode = (writer, number, value) => {
  const type = textOf(member(value, 'type'));
  if (type === 'basic')
    wrapped(
      1,
      message(() => basicSecurity),
    )(writer, number, value);
  else if (type === 'apiKey')
    wrapped(
      2,
      message(() => keySecurity),
    )(writer, number, value);
  else fail(`security of type ${type} is not written`);
};

const documentMessage: Message = {
  name: 'Document',
  fields: {
    swagger: [1, text],
    info: [
      2,
      message(() => ({
        name: 'Info',
        fields: { title: [1, text], version: [2, text], description: [3, text], termsOfService: [4, text] },
        extensions: 7,
      })),
    ],
    host: [3, text],
    basePath: [4, text],
    schemes: [5, texts],
    consumes: [6, texts],
    produces: [7, texts],
    paths: [8, namedBesideExtensions(pathItem, 2, 1)],
    definitions: [9, mapOf(schema)],
    parameters: [10, mapOf(parameter)],
    responses: [11, mapOf(message(() => responseMessage))],
    security: [12, security],
    securityDefinitions: [13, mapOf(securityDefinition)],
    externalDocs: [15, externalDocs],
  },
  extensions: 16,
};
