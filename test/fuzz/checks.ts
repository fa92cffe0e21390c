// What must hold of any object of any kind; each check gives what is wrong, or nothing. A check may be repeated with a smaller
// object: it begins from nothing every time.
import { canonicalize } from '#api/schema/canonical.ts';
import { decodeObject } from '#api/schema/decode.ts';
import { typeFacts } from '#api/schema/type-table.ts';
import type { StructType, ValueType } from '#api/schema/type-table.ts';
import { fieldNumbers } from '#api/protobuf/numbers.ts';
import { encodeObject, envelope } from '#api/protobuf/encode.ts';
import { decodeCbor } from '#api/cbor/decode.ts';
import { encodeCborObject } from '#api/cbor/encode.ts';
import { decodeProtobuf } from '#api/protobuf/decode.ts';
import { apiVersionOf } from '#api/kinds.ts';
import type { KindRow } from '#api/kind.ts';
import { featureGates } from '#api/feature-gates.ts';
import { silentLogger } from '#base/log.ts';
import { ApiError } from '#api/status.ts';
import { parseJson } from '#wire/json.ts';
import { parseYaml } from '#wire/yaml.ts';
import { printYaml } from '#wire/yaml-writer.ts';
import { pathOf, startApiServer, type TestApiServer } from '#kit/start-api-server.ts';

export interface Check {
  readonly name: string;
  /** Objects of the right types, or any. */
  readonly isTyped: boolean;
  /** Undefined: it holds. */
  run(row: KindRow, object: Record<string, unknown>): Promise<string | undefined>;
}

const options = { fieldValidation: 'Ignore' } as const;

/** As it is stored; undefined for what no codec has to do with. */
function stored(row: KindRow, raw: unknown): string | undefined {
  try {
    const { object } = decodeObject(row, raw, options);
    return JSON.stringify(canonicalize(typeFacts(row.typeName), object as unknown as Record<string, unknown>));
  } catch (error) {
    if (error instanceof ApiError) return undefined;
    throw error;
  }
}

/** Without what has no number: kind and apiVersion of objects inside others. Lists without elements are none there. */
function onWire(struct: StructType, object: Readonly<Record<string, unknown>>, isRoot = false): unknown {
  const numbers = fieldNumbers(struct);
  const result: Record<string, unknown> = {};
  struct.fields.forEach((field, index) => {
    const value = object[field.name];
    if (value === undefined || (numbers[index] === 0 && !isRoot)) return;
    result[field.name] = partOnWire(field.type, value);
  });
  return result;
}

function partOnWire(type: ValueType, value: unknown): unknown {
  if (type.kind === 'list' && Array.isArray(value))
    return value.length === 0 ? null : value.map((one) => partOnWire(type.element, one));
  return type.kind === 'struct' ? onWire(type, value as Record<string, unknown>) : value;
}

const difference = (encoding: string, before: string, after: string | undefined): string | undefined =>
  before === after ? undefined : `${encoding} is not the same again:\n  before ${before}\n  after  ${after}`;

const roundTrips: Check = {
  name: 'round trips',
  isTyped: true,
  async run(row, object) {
    const before = stored(row, object);
    if (before === undefined) return `a typed object is refused: ${refusal(row, object)}`;
    const value = JSON.parse(before) as Record<string, unknown>;
    const json = parseJson(Buffer.from(JSON.stringify(value))).value;
    const yaml = (await parseYaml(Buffer.from(printYaml(value)))).value;
    const apiVersion = apiVersionOf(row);
    const message = encodeObject(apiVersion, row.kind, value);
    const [head, tail] = envelope(apiVersion, row.kind, message.length);
    const protobuf = decodeProtobuf(Buffer.concat([head, message, tail]));
    const target = { apiVersion, kind: row.kind, typeName: row.typeName, isCustom: false };
    const cbor = decodeCbor(encodeCborObject({ ...value, apiVersion, kind: row.kind }), target, true);
    return (
      difference('JSON', before, stored(row, json)) ??
      difference('YAML', before, stored(row, yaml)) ??
      difference('CBOR', before, stored(row, cbor.value)) ??
      cbor.unknown[0] ??
      difference('protobuf', stored(row, onWire(typeFacts(row.typeName), value, true))!, stored(row, protobuf)) ??
      (Buffer.compare(message, encodeObject(apiVersion, row.kind, protobuf)) === 0
        ? undefined
        : `protobuf is not the same again:\n  before ${before}`)
    );
  },
};

function refusal(row: KindRow, object: unknown): string {
  try {
    decodeObject(row, object, options);
    return 'it is not';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const name = 'fuzz';
const jsonType = 'application/json';
const cborType = 'application/cbor';
const bytesOf = (body: unknown, contentType: string): string | Uint8Array =>
  contentType === cborType ? encodeCborObject(body as object) : JSON.stringify(body);
const unexpectedText = 'for a reason that the log tells';

interface Attempt {
  readonly method: string;
  readonly path: string;
  readonly contentType: string;
}

function attempts(row: KindRow, object: Readonly<Record<string, unknown>>): readonly (Attempt & { body: unknown })[] {
  const collection = pathOf(row as never, row.namespaced ? 'default' : undefined);
  const one = `${collection}/${name}`;
  const operations = Object.entries(object).map(([key, value]) => ({ op: 'add', path: `/${key}`, value }));
  const parts = [
    '',
    ...Object.entries(row.subresources).flatMap(([part, { kind }]) => (kind === row.kind ? [`/${part}`] : [])),
  ];
  return [
    { method: 'POST', path: `${collection}?dryRun=All`, contentType: jsonType, body: object },
    { method: 'POST', path: `${collection}?dryRun=All`, contentType: cborType, body: object },
    { method: 'POST', path: collection, contentType: jsonType, body: object },
    { method: 'PATCH', path: `${one}?fieldManager=f`, contentType: 'application/apply-patch+yaml', body: object },
    ...parts.flatMap((part) => [
      { method: 'PUT', path: `${one}${part}`, contentType: jsonType, body: object },
      { method: 'PATCH', path: `${one}${part}`, contentType: 'application/merge-patch+json', body: object },
      { method: 'PATCH', path: `${one}${part}`, contentType: 'application/strategic-merge-patch+json', body: object },
      { method: 'PATCH', path: `${one}${part}`, contentType: 'application/json-patch+json', body: operations },
    ]),
    { method: 'DELETE', path: `${one}?gracePeriodSeconds=0`, contentType: jsonType, body: undefined },
  ];
}

interface Watched {
  readonly api: TestApiServer;
  /** Of failures that the server logged. */
  readonly stacks: string[];
}

async function start(): Promise<Watched> {
  const stacks: string[] = [];
  const error = (_message: string, fields?: Readonly<Record<string, unknown>>) =>
    void stacks.push(String(fields?.['stack']).split('\n').slice(0, 4).join('\n'));
  const gates = featureGates(new Map([['CBORServingAndStorage', true]]));
  return { api: await startApiServer({ logger: { ...silentLogger, error }, featureGates: gates }), stacks };
}

/** Kept between objects: a server takes longer to start than to answer. */
let shared: Watched | undefined;

const writes: Check = {
  name: 'writes',
  isTyped: false,
  async run(row, object) {
    const { api, stacks } = (shared ??= await start());
    stacks.length = 0;
    for (const { body, method, path, contentType } of attempts(row, object)) {
      const before = api.store.revision;
      const send = body === undefined ? {} : { bytes: bytesOf(body, contentType), contentType };
      const { status, text } = await api.send(method, path, send);
      const what = `${method} ${path} ${contentType}`;
      if (text.includes(unexpectedText) || stacks.length > 0) return `${what}: ${status} ${stacks.join('; ')}`;
      const isDryRun = path.includes('dryRun');
      if ((status >= 400 || isDryRun) && api.store.revision !== before)
        return `${what}: ${status}, and the store has changed: ${text.slice(0, 200)}`;
    }
    return undefined;
  },
};

const applies: Check = {
  name: 'apply twice',
  isTyped: true,
  async run(row, object) {
    const { api } = (shared ??= await start());
    const path = `${pathOf(row as never, row.namespaced ? 'default' : undefined)}/${name}`;
    const { metadata: _, status: __, ...rest } = object;
    const bytes = JSON.stringify({ ...rest, metadata: { name } });
    const apply = () =>
      api.send('PATCH', `${path}?fieldManager=f&force=true`, { bytes, contentType: 'application/apply-patch+yaml' });
    const first = await apply();
    if (first.status >= 400) return undefined;
    // Upstream too gives fields that nobody owned to `before-first-apply` when it sees them first.
    await apply();
    const second = await apply();
    const third = await apply();
    await api.send('DELETE', `${path}?gracePeriodSeconds=0`);
    if (second.status !== 200) return `the second time: ${second.status} ${second.text.slice(0, 300)}`;
    return third.text === second.text ? undefined : `repeated it changes the object:\n  ${second.text}  ${third.text}`;
  },
};

export const checks: readonly Check[] = [roundTrips, writes, applies];

/** The server that the checks share. */
export function endChecks(): void {
  shared?.api.close();
  shared = undefined;
}
