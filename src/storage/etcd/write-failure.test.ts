import assert from 'node:assert/strict';
import { test } from 'node:test';
import { grpcCode, GrpcError } from '#wire/grpc.ts';
import { StoreFullError, StoreUnavailableError } from '../store.ts';
import { writeFailure } from './write-failure.ts';

test('a full etcd is a full store; a write that was never sent was not done; of any other nobody knows', () => {
  assert.ok(writeFailure(new GrpcError(8, 'etcdserver: mvcc: database space exceeded')) instanceof StoreFullError);
  for (const [code, message, isOutcomeUnknown] of [
    [grpcCode.unavailable, 'No connection established. Last error: connect ECONNREFUSED', false],
    [grpcCode.unavailable, 'Connection dropped', true],
    [grpcCode.unavailable, 'etcdserver: request timed out', true],
    [grpcCode.deadlineExceeded, 'Deadline exceeded after 10.001s', true],
  ] as const) {
    const failure = writeFailure(new GrpcError(code, message));
    assert.ok(failure instanceof StoreUnavailableError);
    assert.equal(failure.isOutcomeUnknown, isOutcomeUnknown, message);
  }
});
