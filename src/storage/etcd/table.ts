// What of etcd's v3 API is used here: names, types and numbers (etcd api/etcdserverpb/rpc.proto, api/mvccpb/kv.proto).
import type { GrpcTable } from '#wire/grpc.ts';

export const etcdTable: GrpcTable = {
  package: 'etcdserverpb',
  services: {
    KV: [
      ['Range', 'RangeRequest', 'RangeResponse'],
      ['Txn', 'TxnRequest', 'TxnResponse'],
      ['Compact', 'CompactionRequest', 'CompactionResponse'],
    ],
    Watch: [['Watch', 'WatchRequest', 'WatchResponse', 'client-stream', 'server-stream']],
    Maintenance: [['Status', 'StatusRequest', 'StatusResponse']],
  },
  enums: {
    'Compare.CompareResult': { EQUAL: 0, GREATER: 1, LESS: 2, NOT_EQUAL: 3 },
    'Compare.CompareTarget': { VERSION: 0, CREATE: 1, MOD: 2, VALUE: 3, LEASE: 4 },
    'Event.EventType': { PUT: 0, DELETE: 1 },
  },
  messages: {
    ResponseHeader: [
      ['cluster_id', 'uint64', 1],
      ['member_id', 'uint64', 2],
      ['revision', 'int64', 3],
      ['raft_term', 'uint64', 4],
    ],
    KeyValue: [
      ['key', 'bytes', 1],
      ['create_revision', 'int64', 2],
      ['mod_revision', 'int64', 3],
      ['version', 'int64', 4],
      ['value', 'bytes', 5],
      ['lease', 'int64', 6],
    ],
    Event: [
      ['type', 'EventType', 1],
      ['kv', 'KeyValue', 2],
      ['prev_kv', 'KeyValue', 3],
    ],
    RangeRequest: [
      ['key', 'bytes', 1],
      ['range_end', 'bytes', 2],
      ['limit', 'int64', 3],
      ['revision', 'int64', 4],
      ['serializable', 'bool', 7],
      ['keys_only', 'bool', 8],
    ],
    RangeResponse: [
      ['header', 'ResponseHeader', 1],
      ['kvs', 'KeyValue', 2, 'repeated'],
      ['more', 'bool', 3],
      ['count', 'int64', 4],
    ],
    PutRequest: [
      ['key', 'bytes', 1],
      ['value', 'bytes', 2],
    ],
    DeleteRangeRequest: [['key', 'bytes', 1]],
    RequestOp: [
      ['request_range', 'RangeRequest', 1, '', 'request'],
      ['request_put', 'PutRequest', 2, '', 'request'],
      ['request_delete_range', 'DeleteRangeRequest', 3, '', 'request'],
    ],
    Compare: [
      ['result', 'CompareResult', 1],
      ['target', 'CompareTarget', 2],
      ['key', 'bytes', 3],
      ['version', 'int64', 4, '', 'target_union'],
      ['mod_revision', 'int64', 6, '', 'target_union'],
    ],
    TxnRequest: [
      ['compare', 'Compare', 1, 'repeated'],
      ['success', 'RequestOp', 2, 'repeated'],
      ['failure', 'RequestOp', 3, 'repeated'],
    ],
    ResponseOp: [['response_range', 'RangeResponse', 1, '', 'response']],
    TxnResponse: [
      ['header', 'ResponseHeader', 1],
      ['succeeded', 'bool', 2],
      ['responses', 'ResponseOp', 3, 'repeated'],
    ],
    CompactionRequest: [
      ['revision', 'int64', 1],
      ['physical', 'bool', 2],
    ],
    CompactionResponse: [['header', 'ResponseHeader', 1]],
    WatchCreateRequest: [
      ['key', 'bytes', 1],
      ['range_end', 'bytes', 2],
      ['start_revision', 'int64', 3],
      ['progress_notify', 'bool', 4],
      ['fragment', 'bool', 8],
    ],
    WatchRequest: [['create_request', 'WatchCreateRequest', 1, '', 'request_union']],
    WatchResponse: [
      ['header', 'ResponseHeader', 1],
      ['watch_id', 'int64', 2],
      ['created', 'bool', 3],
      ['canceled', 'bool', 4],
      ['compact_revision', 'int64', 5],
      ['cancel_reason', 'string', 6],
      ['fragment', 'bool', 7],
      ['events', 'Event', 11, 'repeated'],
    ],
    StatusRequest: [],
    StatusResponse: [
      ['header', 'ResponseHeader', 1],
      ['version', 'string', 2],
      ['leader', 'uint64', 4],
      ['errors', 'string', 8, 'repeated'],
    ],
  },
};
