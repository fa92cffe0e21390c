// etcd's v3 API on one of several members: the one that answered last, the next one when it does not.
import { connectGrpc, type GrpcConnection, type GrpcConnectOptions, grpcCode, GrpcError } from '#wire/grpc.ts';
import { etcdTable } from './table.ts';

export interface KeyValue {
  readonly key: string;
  readonly value: Uint8Array;
  readonly createRevision: number;
  readonly modRevision: number;
}

export interface EtcdEvent {
  readonly type: 'put' | 'delete';
  /** Of a removal: only the key and the revision of the removal. */
  readonly kv: KeyValue;
}

export type EtcdWatchAnswer =
  /** Everything of these revisions. */
  | { readonly type: 'events'; readonly events: readonly EtcdEvent[] }
  | { readonly type: 'started' }
  /** What was asked for is no longer there. */
  | { readonly type: 'compacted'; readonly revision: number };

export interface Page {
  readonly items: readonly KeyValue[];
  readonly revision: number;
  readonly more: boolean;
}

export interface EtcdClientOptions extends Pick<GrpcConnectOptions, 'tls'> {
  /** `host:port`, at least one. */
  readonly members: readonly string[];
  /** Of one member; default 10 s. */
  readonly requestTimeoutMs?: number | undefined;
}

/** One large page; events of one revision come together. */
const messageBytesMax = 256 * 1024 * 1024;
/** Upstream's client: a member that is cut off is noticed after twice this time. */
const keepaliveMs = 10_000;
const requestTimeoutMs = 10_000;

interface WireKeyValue {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly createRevision: number;
  readonly modRevision: number;
}
interface WireRange {
  readonly header: { readonly revision: number };
  readonly kvs: readonly WireKeyValue[];
  readonly more: boolean;
}
interface WireTxn {
  readonly header: { readonly revision: number };
  readonly succeeded: boolean;
  readonly responses: readonly { readonly responseRange?: { readonly kvs: readonly { readonly version: number }[] } }[];
}
interface WireWatch {
  readonly created: boolean;
  readonly canceled: boolean;
  readonly compactRevision: number;
  readonly cancelReason: string;
  readonly fragment: boolean;
  readonly events: readonly { readonly type: number; readonly kv: WireKeyValue }[];
}

const bytesOf = (text: string): Buffer => Buffer.from(text, 'utf8');
/** The first key behind all that begin with `prefix`, which ends with `/`. */
const endOf = (prefix: string): Buffer => bytesOf(`${prefix.slice(0, -1)}0`);

const isMemberLost = (error: unknown): boolean =>
  error instanceof GrpcError && (error.code === grpcCode.unavailable || error.code === grpcCode.deadlineExceeded);
/** There was no connection to the member: it has never heard of the call. */
export const wasNeverSent = (error: unknown): boolean =>
  error instanceof GrpcError &&
  error.code === grpcCode.unavailable &&
  error.message.startsWith('No connection established');
/** What was asked for is older than what etcd keeps. */
export const isCompacted = (error: unknown): boolean =>
  error instanceof GrpcError && error.message.includes('required revision has been compacted');

/** All calls reject with GrpcError. */
export class EtcdClient {
  /**
   * What is added to etcd's revisions wherever they are shown or taken here: a cluster that comes from elsewhere has had higher
   * ones, and etcd's cannot be set. Not in what is shared with upstream's servers (`putAtVersion`, `compact`).
   */
  revisionOffset = 0;
  readonly #options: EtcdClientOptions;
  readonly #connections = new Map<string, Promise<GrpcConnection>>();
  #current = 0;
  /** Until another member is asked. */
  #turn = new AbortController();

  constructor(options: EtcdClientOptions) {
    this.#options = options;
  }
  get member(): string {
    return this.#options.members[this.#current]!;
  }
  /** Keys below `prefix` behind `startAfter`, as they are at `revision` (absent: now, asked of the majority). */
  async range(
    prefix: string,
    { startAfter, limit, revision }: { startAfter?: string; limit: number; revision?: number },
  ): Promise<Page> {
    const request = {
      key: startAfter === undefined ? bytesOf(prefix) : bytesOf(`${startAfter}\0`),
      rangeEnd: endOf(prefix),
      limit,
      revision: this.#toEtcd(revision ?? 0),
    };
    const { header, kvs, more } = (await this.#read('Range', request)) as WireRange;
    return { items: kvs.map((kv) => this.#shown(kv)), revision: this.#fromEtcd(header.revision), more };
  }
  /** Undefined: the key is not there. */
  async get(key: string): Promise<KeyValue | undefined> {
    const { kvs } = (await this.#read('Range', { key: bytesOf(key), limit: 1 })) as WireRange;
    return kvs[0] === undefined ? undefined : this.#shown(kvs[0]);
  }
  /** The revision now, asked of the majority. */
  async revision(): Promise<number> {
    // A key that is never there.
    const answer = (await this.#read('Range', { key: Buffer.from([0xff]), limit: 1, keysOnly: true })) as WireRange;
    return this.#fromEtcd(answer.header.revision);
  }
  /** Writes `value` (undefined: removes the key) if the key is at `expectedRevision` (0: is not there). */
  async write(
    key: string,
    expectedRevision: number,
    value: Uint8Array | undefined,
  ): Promise<{ readonly succeeded: boolean; readonly revision: number }> {
    const keyBytes = bytesOf(key);
    const { header, succeeded } = (await this.#unsent('Txn', {
      compare: [{ result: 'EQUAL', target: 'MOD', key: keyBytes, modRevision: this.#toEtcd(expectedRevision) }],
      success: [
        value === undefined ? { requestDeleteRange: { key: keyBytes } } : { requestPut: { key: keyBytes, value } },
      ],
      failure: [],
    })) as WireTxn;
    return { succeeded, revision: this.#fromEtcd(header.revision) };
  }
  /** Puts `value` if the key has been written `version` times since it was made; otherwise tells how often it was. */
  async putAtVersion(
    key: string,
    version: number,
    value: Uint8Array,
  ): Promise<{ readonly version: number; readonly succeeded: boolean; readonly revision: number }> {
    const keyBytes = bytesOf(key);
    const { header, succeeded, responses } = (await this.#call('Txn', {
      compare: [{ result: 'EQUAL', target: 'VERSION', key: keyBytes, version }],
      success: [{ requestPut: { key: keyBytes, value } }],
      failure: [{ requestRange: { key: keyBytes, limit: 1 } }],
    })) as WireTxn;
    const there = responses[0]?.responseRange?.kvs[0]?.version ?? 0;
    return { version: succeeded ? version + 1 : there, succeeded, revision: header.revision };
  }
  /** Forgets what was before `revision`, as etcd counts. */
  async compact(revision: number): Promise<void> {
    await this.#call('Compact', { revision });
  }
  /** Everything below `prefix` from `startRevision` on, until `signal`, or until the member is lost. */
  async *watch(prefix: string, startRevision: number, signal: AbortSignal): AsyncGenerator<EtcdWatchAnswer> {
    const connection = await this.#connection();
    const { member } = this;
    const turn = this.#turn.signal;
    // A member that is cut off from the majority ends the watch instead of being silent (etcd's clientv3.WithRequireLeader).
    const call = connection.duplex(etcdTable, 'Watch', {
      signal: AbortSignal.any([signal, turn]),
      metadata: { hasleader: 'true' },
    });
    call.send({
      createRequest: {
        key: bytesOf(prefix),
        rangeEnd: endOf(prefix),
        startRevision: this.#toEtcd(startRevision),
        fragment: true,
      },
    });
    let parts: EtcdEvent[] = [];
    try {
      for await (const answer of call.answers as AsyncIterable<WireWatch>) {
        if (answer.compactRevision > 0) {
          yield { type: 'compacted', revision: this.#fromEtcd(answer.compactRevision) };
          return;
        }
        if (answer.canceled)
          throw new GrpcError(grpcCode.unavailable, `the watch was cancelled: ${answer.cancelReason}`);
        if (answer.created) yield { type: 'started' };
        for (const { type, kv } of answer.events)
          parts.push({ type: type === 1 ? 'delete' : 'put', kv: this.#shown(kv) });
        if (answer.fragment || parts.length === 0) continue;
        yield { type: 'events', events: parts };
        parts = [];
      }
      throw new GrpcError(grpcCode.unavailable, 'the watch has ended');
    } catch (error) {
      if (turn.aborted) throw new GrpcError(grpcCode.unavailable, `${member} does not answer`);
      if (isMemberLost(error)) this.next();
      throw error;
    }
  }
  /** The member of now is of no use: the others are tried first, by the watch, too, which may not have noticed. */
  next(): void {
    const { members } = this.#options;
    if (members.length === 1) return;
    this.#current = (this.#current + 1) % members.length;
    const turn = this.#turn;
    this.#turn = new AbortController();
    turn.abort();
  }
  async close(): Promise<void> {
    for (const connection of this.#connections.values())
      await connection.then(
        (open) => open.close(),
        () => {},
      );
    this.#connections.clear();
  }
  /** 0 stands for none. */
  #fromEtcd(revision: number): number {
    return revision === 0 ? 0 : revision + this.revisionOffset;
  }
  #toEtcd(revision: number): number {
    return revision === 0 ? 0 : revision - this.revisionOffset;
  }
  #shown({ key, value, createRevision, modRevision }: WireKeyValue): KeyValue {
    return {
      key: Buffer.from(key).toString('utf8'),
      value,
      createRevision: this.#fromEtcd(createRevision),
      modRevision: this.#fromEtcd(modRevision),
    };
  }
  /** What changes nothing may be asked of the next member. */
  async #read(method: string, request: object): Promise<object> {
    for (let left = this.#options.members.length; ; left--)
      try {
        return await this.#call(method, request);
      } catch (error) {
        if (left <= 1 || !isMemberLost(error)) throw error;
      }
  }
  /** What did not reach one member may be asked of the next. */
  async #unsent(method: string, request: object): Promise<object> {
    for (let left = this.#options.members.length; ; left--)
      try {
        return await this.#call(method, request);
      } catch (error) {
        if (left <= 1 || !wasNeverSent(error)) throw error;
      }
  }
  async #call(method: string, request: object): Promise<object> {
    const at = this.#current;
    const connection = await this.#connection();
    try {
      return await connection.unary(etcdTable, method, request, {
        timeoutMs: this.#options.requestTimeoutMs ?? requestTimeoutMs,
      });
    } catch (error) {
      // Of many calls that fail together, one moves on.
      if (isMemberLost(error) && this.#current === at) this.next();
      throw error;
    }
  }
  #connection(): Promise<GrpcConnection> {
    const { member } = this;
    let connection = this.#connections.get(member);
    if (connection === undefined) {
      connection = connectGrpc(member, { tls: this.#options.tls, messageBytesMax, keepaliveMs });
      this.#connections.set(member, connection);
    }
    return connection;
  }
}
