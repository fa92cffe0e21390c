// OpenAPI v3 documents as the protobuf message openapi.v3.Document of google/gnostic-models. Field numbers are that message's.
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
  texts,
  wrapped,
  writeDocument,
  type Encode,
  type Message,
} from './document-writer.ts';
import type { Schema as Json } from './schemas.ts';

/** The document as JSON has it, such as openApiV3 makes; anything else is an AssertionError. */
export const openApiV3Protobuf = async (
  document: Json,
  pause: () => Promise<void> = async () => {},
): Promise<Uint8Array> =>
  writeDocument(
    documentMessage,
    document,
    [
      { message: pathItemMessage, values: Object.values((document['paths'] ?? {}) as object) },
      {
        message: schemaMessage,
        values: Object.values((member(document['components'] ?? {}, 'schemas') ?? {}) as object),
      },
    ],
    pause,
  );

const reference = message(() => ({ name: 'Reference', fields: { $ref: [1, text] } }));

/** A value or a reference to one. */
const orReference =
  (encode: Encode): Encode =>
  (writer, number, value) =>
    (isReference(value) ? wrapped(2, reference) : wrapped(1, encode))(writer, number, value);

/** A number, true, false or a text; the message has no other defaults. */
const defaultValue: Encode = (writer, number, value) =>
  writer.message(number, () => {
    if (typeof value === 'number') writer.double(1, value);
    else if (typeof value === 'boolean') writer.bool(2, value);
    else if (typeof value === 'string') writer.text(3, value);
  });

const schema = message(() => schemaMessage);
const schemaOrReference = orReference(schema);
const schemas = list(schemaOrReference);
const schemaMessage: Message = {
  name: 'Schema',
  fields: {
    nullable: [1, bool],
    externalDocs: [
      6,
      message(() => ({ name: 'ExternalDocs', fields: { description: [1, text], url: [2, text] }, extensions: 3 })),
    ],
    example: [7, any],
    title: [9, text],
    multipleOf: [10, double],
    maximum: [11, double],
    exclusiveMaximum: [12, bool],
    minimum: [13, double],
    exclusiveMinimum: [14, bool],
    maxLength: [15, integer],
    minLength: [16, integer],
    pattern: [17, text],
    maxItems: [18, integer],
    minItems: [19, integer],
    uniqueItems: [20, bool],
    maxProperties: [21, integer],
    minProperties: [22, integer],
    required: [23, texts],
    enum: [24, list(any)],
    type: [25, text],
    allOf: [26, schemas],
    oneOf: [27, schemas],
    anyOf: [28, schemas],
    not: [29, schema],
    items: [30, wrapped(1, schemaOrReference)],
    properties: [31, mapOf(schemaOrReference)],
    additionalProperties: [
      32,
      (writer, number, value) =>
        writer.message(number, () => {
          // A choice: false is written, too.
          if (typeof value === 'boolean') writer.bool(2, value);
          else schemaOrReference(writer, 1, value);
        }),
    ],
    default: [33, defaultValue],
    description: [34, text],
    format: [35, text],
  },
  extensions: 36,
};

const content = mapOf(
  message(() => ({ name: 'MediaType', fields: { schema: [1, schemaOrReference] }, extensions: 5 })),
);
const parameter = orReference(
  message(() => ({
    name: 'Parameter',
    fields: {
      name: [1, text],
      in: [2, text],
      description: [3, text],
      required: [4, bool],
      deprecated: [5, bool],
      allowEmptyValue: [6, bool],
      schema: [10, schemaOrReference],
      content: [13, content],
    },
    extensions: 14,
  })),
);
const requestBody = orReference(
  message(() => ({
    name: 'RequestBody',
    fields: { description: [1, text], content: [2, content], required: [3, bool] },
    extensions: 4,
  })),
);
const response = orReference(
  message(() => ({ name: 'Response', fields: { description: [1, text], content: [3, content] }, extensions: 5 })),
);
const responses: Encode = (writer, number, value) =>
  writer.message(number, () => {
    for (const [code, one] of entriesOf(value))
      if (code === 'default') response(writer, 1, one);
      else named(response)(writer, 2, code, one);
  });
const operation = message(() => ({
  name: 'Operation',
  fields: {
    tags: [1, texts],
    summary: [2, text],
    description: [3, text],
    operationId: [5, text],
    parameters: [6, list(parameter)],
    requestBody: [7, requestBody],
    responses: [8, responses],
    deprecated: [10, bool],
  },
  extensions: 13,
}));
const pathItemMessage: Message = {
  name: 'PathItem',
  fields: {
    $ref: [1, text],
    summary: [2, text],
    description: [3, text],
    get: [4, operation],
    put: [5, operation],
    post: [6, operation],
    delete: [7, operation],
    options: [8, operation],
    head: [9, operation],
    patch: [10, operation],
    trace: [11, operation],
    parameters: [13, list(parameter)],
  },
  extensions: 14,
};
const paths: Encode = (writer, number, value) =>
  writer.message(number, () => {
    for (const [path, item] of entriesOf(value)) {
      if (!path.startsWith('/')) fail(`${path} is no path`);
      named(message(() => pathItemMessage))(writer, 1, path, item);
    }
  });

const securityScheme = orReference(
  message(() => ({
    name: 'SecurityScheme',
    fields: {
      type: [1, text],
      description: [2, text],
      name: [3, text],
      in: [4, text],
      scheme: [5, text],
      bearerFormat: [6, text],
    },
    extensions: 9,
  })),
);
const documentMessage: Message = {
  name: 'Document',
  fields: {
    openapi: [1, text],
    info: [
      2,
      message(() => ({
        name: 'Info',
        fields: { title: [1, text], description: [2, text], termsOfService: [3, text], version: [6, text] },
        extensions: 7,
      })),
    ],
    paths: [4, paths],
    components: [
      5,
      message(() => ({
        name: 'Components',
        fields: { schemas: [1, mapOf(schemaOrReference)], securitySchemes: [7, mapOf(securityScheme)] },
        extensions: 10,
      })),
    ],
  },
  extensions: 9,
};
