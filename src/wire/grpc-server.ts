// A gRPC server on a unix socket from the tables of grpc.ts: methods with one answer, or with a stream of them.
import type { handleServerStreamingCall, handleUnaryCall } from '@grpc/grpc-js';
import { messageOf } from '#base/errors.ts';
import { GrpcError, grpcCode, type GrpcTable, loadCodecs } from './grpc.ts';

/** Throws a GrpcError for an answer with a code. A method with a stream of answers gives an async iterable. */
export type GrpcMethods = Readonly<
  Record<string, (request: never) => object | Promise<object> | AsyncIterable<object>>
>;

/** `parts`: a table each, with what answers its methods; methods without an answer are unimplemented. */
export async function listenGrpc(
  socket: string,
  parts: readonly { readonly table: GrpcTable; readonly methods: GrpcMethods }[],
  messageBytesMax?: number,
): Promise<{ close(): void }> {
  const [{ Server, ServerCredentials }, codecs] = await Promise.all([import('@grpc/grpc-js'), loadCodecs()]);
  const limits = messageBytesMax === undefined ? {} : { 'grpc.max_receive_message_length': messageBytesMax };
  const server = new Server(limits);
  const failure = (error: unknown) => ({
    code: error instanceof GrpcError ? error.code : grpcCode.unknown,
    details: messageOf(error),
  });
  for (const { table, methods } of parts)
    for (const rows of Object.values(table.services)) {
      const known = rows.filter(([name]) => methods[name!] !== undefined);
      const definition = Object.fromEntries(
        known.map(([name, request, answer, , stream]) => [
          name!,
          {
            path: codecs.method(table, name!).path,
            requestStream: false,
            responseStream: stream === 'stream',
            requestDeserialize: codecs.message(table, request!).decode,
            requestSerialize: codecs.message(table, request!).encode,
            responseSerialize: codecs.message(table, answer!).encode,
            responseDeserialize: codecs.message(table, answer!).decode,
          },
        ]),
      );
      const unary =
        (name: string): handleUnaryCall<object, object> =>
        (call, done) => {
          void Promise.resolve()
            .then(() => methods[name]!(call.request as never) as Promise<object>)
            .then(
              (answer) => done(null, answer),
              (error: unknown) => done(failure(error)),
            );
        };
      const streaming =
        (name: string): handleServerStreamingCall<object, object> =>
        (call) => {
          void (async () => {
            try {
              for await (const answer of methods[name]!(call.request as never) as AsyncIterable<object>) {
                if (call.cancelled) return;
                call.write(answer);
              }
              call.end();
            } catch (error) {
              call.destroy(Object.assign(new Error(messageOf(error)), failure(error)));
            }
          })();
        };
      const handlers = Object.fromEntries(
        known.map(([name, , , , stream]) => [name!, stream === 'stream' ? streaming(name!) : unary(name!)]),
      );
      if (known.length > 0) server.addService(definition, handlers);
    }
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(`unix://${socket}`, ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    ),
  );
  return { close: () => server.forceShutdown() };
}
