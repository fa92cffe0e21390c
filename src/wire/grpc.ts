// gRPC calls from tables of messages (no .proto files, no generated code): a thin adapter over @grpc/grpc-js and protobufjs.
// Both are loaded at the first use. Int64 become numbers (beyond 2^53 they lose precision; byte counts and nanoseconds
// of such size are compared, never added up exactly).
import type { PeerCertificate } from 'node:tls';
import type * as Grpc from '@grpc/grpc-js';
import type * as Protobuf from 'protobufjs';
import { messageOf } from '#base/errors.ts';

/** [name, type, number, repeated|optional?, oneof?]; type is a scalar, a message, an enum or `map<key,value>`. */
export type GrpcFieldRow = readonly (string | number)[];
/** [name, request, response, client-stream?, server-stream?] */
export type GrpcMethodRow = readonly string[];

export interface GrpcTable {
  readonly package: string;
  readonly services: Readonly<Record<string, readonly GrpcMethodRow[]>>;
  readonly enums: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly messages: Readonly<Record<string, readonly GrpcFieldRow[]>>;
}

/** gRPC status codes that callers tell apart. */
export const grpcCode = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
} as const;

/** As Go's gRPC names its codes, in order. */
export const grpcCodeNames =
  'OK Canceled Unknown InvalidArgument DeadlineExceeded NotFound AlreadyExists PermissionDenied ResourceExhausted FailedPrecondition Aborted OutOfRange Unimplemented Internal Unavailable DataLoss Unauthenticated'.split(
    ' ',
  );

/** As Go's clients show a failed call, which is what upstream's events carry. */
export const grpcErrorText = (error: unknown): string =>
  error instanceof GrpcError
    ? `rpc error: code = ${grpcCodeNames[error.code] ?? `Code(${error.code})`} desc = ${error.message}`
    : messageOf(error);

export class GrpcError extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.name = 'GrpcError';
    this.code = code;
  }
}

export interface GrpcCallOptions {
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

export interface GrpcDuplex {
  readonly answers: AsyncIterable<object>;
  send(request: object): void;
  cancel(): void;
}

export interface GrpcConnectOptions {
  /** PEM; absent: plain text. */
  readonly tls?: { readonly authorities: string; readonly certificate?: string; readonly key?: string } | undefined;
  /** Default 16 MiB. */
  readonly messageBytesMax?: number | undefined;
  /** Asks the other side so often whether it is still there; absent: never. */
  readonly keepaliveMs?: number | undefined;
}

export interface GrpcConnection {
  /** Undefined fields of the answer have their protobuf default. */
  unary(table: GrpcTable, method: string, request: object, options?: GrpcCallOptions): Promise<object>;
  /** Both sides send as they like. The answers end with a GrpcError when the server or the connection ends them so. */
  duplex(table: GrpcTable, method: string, options?: GrpcCallOptions): GrpcDuplex;
  /** Ends with a GrpcError when the server or the connection ends it so. */
  serverStream(table: GrpcTable, method: string, request: object, options?: GrpcCallOptions): AsyncIterable<object>;
  /** Connects now and again whenever the other side is gone; told whether it is there, until `close()`. */
  follow(onChange: (connected: boolean) => void): void;
  close(): void;
}

const scalars = new Set([
  'string',
  'bytes',
  'bool',
  'int32',
  'int64',
  'uint32',
  'uint64',
  'sint32',
  'sint64',
  'double',
  'float',
  'fixed32',
  'fixed64',
  'sfixed32',
  'sfixed64',
]);

/** Names never travel, so messages have camelCase fields here. */
const camelCase = (name: string): string => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

interface Codec {
  readonly path: string;
  readonly encode: (value: object) => Buffer;
  readonly decode: (bytes: Uint8Array) => object;
}

/** Makes codecs of a table, each at its first use. */
export class GrpcCodecs {
  readonly #protobuf: typeof Protobuf;
  readonly #roots = new Map<GrpcTable, Protobuf.Namespace>();
  readonly #codecs = new Map<GrpcTable, Map<string, Codec>>();

  constructor(protobuf: typeof Protobuf) {
    this.#protobuf = protobuf;
  }

  message(table: GrpcTable, name: string): Omit<Codec, 'path'> {
    const type = this.#namespace(table).lookupType(name);
    return {
      encode: (value) => Buffer.from(type.encode(type.fromObject(value)).finish()),
      decode: (bytes) =>
        type.toObject(type.decode(bytes), { longs: Number, defaults: true, arrays: true, objects: true }) as object,
    };
  }

  method(table: GrpcTable, method: string): Codec {
    let codecs = this.#codecs.get(table);
    if (codecs === undefined) this.#codecs.set(table, (codecs = new Map()));
    let codec = codecs.get(method);
    if (codec === undefined) {
      for (const [service, methods] of Object.entries(table.services)) {
        const row = methods.find((one) => one[0] === method);
        if (row === undefined) continue;
        codec = {
          path: `/${table.package}.${service}/${method}`,
          encode: this.message(table, row[1]!).encode,
          decode: this.message(table, row[2]!).decode,
        };
        codecs.set(method, codec);
      }
      if (codec === undefined) throw new GrpcError(grpcCode.unimplemented, `no method ${method} in ${table.package}`);
    }
    return codec;
  }

  #namespace(table: GrpcTable): Protobuf.Namespace {
    let namespace = this.#roots.get(table);
    if (namespace !== undefined) return namespace;
    const { Root, Namespace, Type, Enum, Field, MapField, OneOf } = this.#protobuf;
    const flat = (name: string) => name.replaceAll('.', '_');
    namespace = new Namespace('table');
    new Root().add(namespace);
    for (const [name, values] of Object.entries(table.enums)) namespace.add(new Enum(flat(name), { ...values }));
    for (const [name, rows] of Object.entries(table.messages)) {
      const type = new Type(flat(name));
      const oneofs = new Map<string, string[]>();
      for (const row of rows) {
        const [wireName, typeName, number, label, oneof] = row as [string, string, number, string?, string?];
        const field = camelCase(wireName);
        const map = /^map<(\w+),\s*([\w.]+)>$/.exec(typeName);
        const resolved = (one: string) =>
          scalars.has(one)
            ? one
            : flat(`${name}.${one}` in table.enums || `${name}.${one}` in table.messages ? `${name}.${one}` : one);
        if (map !== null) type.add(new MapField(field, number, map[1]!, resolved(map[2]!)));
        else
          type.add(
            label === 'repeated'
              ? new Field(
                  field,
                  number,
                  resolved(typeName),
                  'repeated',
                  undefined,
                  scalars.has(typeName) && typeName !== 'string' && typeName !== 'bytes' ? { packed: true } : {},
                )
              : new Field(field, number, resolved(typeName)),
          );
        if (oneof !== undefined && oneof !== '') oneofs.set(oneof, [...(oneofs.get(oneof) ?? []), field]);
      }
      for (const [oneof, fields] of oneofs) type.add(new OneOf(oneof, fields));
      namespace.add(type);
    }
    this.#roots.set(table, namespace);
    return namespace;
  }
}

export const loadCodecs = async (): Promise<GrpcCodecs> => {
  const loaded = await import('protobufjs');
  return new GrpcCodecs((loaded as unknown as { default?: typeof Protobuf }).default ?? loaded);
};

const messageBytesMaxDefault = 16 * 1024 * 1024;

/** The IP address in `host:port` or `[host]:port`; undefined: there is a name, or a socket. */
const addressOf = (target: string): string | undefined => {
  const [, ipv6, ipv4] = /^(?:\[([0-9a-fA-F:.]+)\]|(\d+\.\d+\.\d+\.\d+)):\d+$/.exec(target) ?? [];
  return ipv6 ?? ipv4;
};

async function checkerOf(address: string): Promise<(host: string, certificate: PeerCertificate) => Error | undefined> {
  const { checkServerIdentity } = await import('node:tls');
  return (_, certificate) => checkServerIdentity(address, certificate);
}

/** `target`: `unix:///run/some.sock` or `host:port`. Connects at the first call. */
export async function connectGrpc(
  target: string,
  { tls, messageBytesMax = messageBytesMaxDefault, keepaliveMs }: GrpcConnectOptions = {},
): Promise<GrpcConnection> {
  const [grpc, codecs] = await Promise.all([import('@grpc/grpc-js'), loadCodecs()]);
  const pem = (text: string | undefined): Buffer | null => (text === undefined ? null : Buffer.from(text));
  const address = addressOf(target);
  const credentials =
    tls === undefined
      ? grpc.credentials.createInsecure()
      : grpc.credentials.createSsl(
          pem(tls.authorities),
          pem(tls.key),
          pem(tls.certificate),
          address === undefined ? undefined : { checkServerIdentity: await checkerOf(address) },
        );
  const client = new grpc.Client(target, credentials, {
    'grpc.max_receive_message_length': messageBytesMax,
    'grpc.max_send_message_length': messageBytesMax,
    ...(keepaliveMs === undefined
      ? {}
      : { 'grpc.keepalive_time_ms': keepaliveMs, 'grpc.keepalive_timeout_ms': keepaliveMs }),
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 3000,
    'grpc.enable_http_proxy': 0,
    'grpc.service_config_disable_resolution': 1,
    // TLS names no addresses to the other side. What is checked above is the address all the same.
    ...(address === undefined ? {} : { 'grpc.ssl_target_name_override': 'localhost' }),
    // A unix socket's path is no host name.
    ...(target.startsWith('unix:') ? { 'grpc.default_authority': 'localhost' } : {}),
  });
  const metadataOf = (options: GrpcCallOptions | undefined): Grpc.Metadata => {
    const metadata = new grpc.Metadata();
    for (const [name, value] of Object.entries(options?.metadata ?? {})) metadata.set(name, value);
    return metadata;
  };
  const callOptions = (options: GrpcCallOptions | undefined): Grpc.CallOptions =>
    options?.timeoutMs === undefined
      ? {}
      : { deadline: new Date(performance.timeOrigin + performance.now() + options.timeoutMs) };
  const toError = (error: Grpc.ServiceError) => new GrpcError(error.code, error.details || error.message);
  async function* answersOf(
    call: AsyncIterable<unknown> & { cancel(): void },
    signal: AbortSignal | undefined,
  ): AsyncGenerator<object> {
    const onAbort = () => call.cancel();
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted === true) onAbort();
    try {
      for await (const message of call) yield message as object;
    } catch (error) {
      throw typeof error === 'object' && error !== null && 'code' in error
        ? toError(error as Grpc.ServiceError)
        : error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      call.cancel();
    }
  }
  return {
    unary(table, method, request, options) {
      const codec = codecs.method(table, method);
      return new Promise((resolve, reject) => {
        const call = client.makeUnaryRequest(
          codec.path,
          codec.encode,
          codec.decode,
          request,
          metadataOf(options),
          callOptions(options),
          (error, answer) => {
            options?.signal?.removeEventListener('abort', onAbort);
            if (error !== null) reject(toError(error));
            else resolve(answer!);
          },
        );
        const onAbort = () => call.cancel();
        options?.signal?.addEventListener('abort', onAbort, { once: true });
        if (options?.signal?.aborted === true) onAbort();
      });
    },
    serverStream(table, method, request, options) {
      const codec = codecs.method(table, method);
      const { path, encode, decode } = codec;
      return answersOf(
        client.makeServerStreamRequest(path, encode, decode, request, metadataOf(options), callOptions(options)),
        options?.signal,
      );
    },
    duplex(table, method, options) {
      const { path, encode, decode } = codecs.method(table, method);
      const call = client.makeBidiStreamRequest(path, encode, decode, metadataOf(options), callOptions(options));
      return {
        answers: answersOf(call, options?.signal),
        send: (request) => void call.write(request),
        cancel: () => call.cancel(),
      };
    },
    follow(onChange) {
      const channel = client.getChannel();
      let connected = false;
      const look = (): void => {
        // Asked without a wish to connect first: what is closed stays so.
        if (channel.getConnectivityState(false) === grpc.connectivityState.SHUTDOWN) return;
        const state = channel.getConnectivityState(true);
        if ((state === grpc.connectivityState.READY) !== connected) {
          connected = !connected;
          onChange(connected);
        }
        channel.watchConnectivityState(state, Infinity, look);
      };
      look();
    },
    close: () => client.close(),
  };
}
