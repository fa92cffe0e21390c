// Accompanies one request for the audit log: keeps its body where the profile wants it, and writes an event when it is
// answered; for watches and streams one when they begin and one when they end.
import { uuid } from '#base/random.ts';
import { auditBodyBytesMax } from '#base/limits.ts';
import type { ApiRequest, ApiResponse, ResponseBody } from '#api/request.ts';
import { decodedBody } from '../content/read-body.ts';
import type { Answered, RequestContext } from '../context.ts';
import type { RequestInfo } from '../request-info.ts';
import type { AuditSink } from '../options.ts';
import { auditEvent, type AuditedBodies, type AuditedRequest, type AuditStage } from './event.ts';
import { auditNotes, type KeptNotes } from './notes.ts';
import { auditLevel } from './policy.ts';

export interface AuditRecording {
  /** The context for the steps behind: its request tells what was read of its body. */
  readonly context: RequestContext;
  /** The answer as it goes on to the client. */
  finish(response: ApiResponse): Answered;
}

export function recordRequest(context: RequestContext, sink: AuditSink): AuditRecording | undefined {
  const profile = sink.profile();
  if (profile === 'None') return undefined;
  const { clock, random } = context.server.options;
  const receivedMs = clock.now();
  // What goes through a proxy is not the API's: applications' passwords are in it. Upstream keeps none of it either.
  const isOwn = context.info.subresource !== 'proxy';
  const body =
    isOwn && auditLevel(profile, context.info, true) === 'RequestResponse' ? keepBody(context.request) : undefined;
  const notes = auditNotes(body !== undefined);
  context.audited = notes;
  // The steps behind note in it who asks, and what was decided.
  const inner: RequestContext = body === undefined ? context : { ...context, request: body.request };
  return {
    context: inner,
    finish(response) {
      const level = auditLevel(profile, inner.info, inner.authenticatedAs !== undefined);
      const { audit: metrics } = context.server.metrics;
      metrics.onLevel(level);
      if (level === 'None') return response;
      const { authenticatedAs, user } = inner;
      const audited: AuditedRequest = {
        id: inner.auditId ?? uuid(random),
        level,
        request: inner.request,
        info: inner.info,
        user: authenticatedAs,
        impersonated: authenticatedAs === undefined || user === authenticatedAs ? undefined : user,
        impersonationConstraint: inner.impersonationConstraint,
        decision: inner.decision,
        named: notes.named,
        noted: inner.auditAnnotations,
        receivedMs,
      };
      const write = (stage: AuditStage, bodies: AuditedBodies): void => {
        metrics.onEvent();
        sink.write(auditEvent(audited, stage, response, bodies, clock.now()));
      };
      const record = (requestBodies: AuditedBodies): ApiResponse => {
        const longRunning = withEnd(inner.request, response, () => write('ResponseComplete', requestBodies));
        if (longRunning !== undefined) {
          write('ResponseStarted', requestBodies);
          return longRunning;
        }
        // Discovery, OpenAPI and the like are no objects.
        const answer =
          level === 'RequestResponse' && (inner.info.isResource || response.status >= 400)
            ? answerOf(response.body)
            : {};
        const truncated = requestBodies.truncated === true || answer.truncated === true;
        // Who cannot be identified never gets to where answers end, in upstream's chain.
        const stage = authenticatedAs === undefined ? 'ResponseStarted' : 'ResponseComplete';
        write(stage, { ...requestBodies, ...answer, ...(truncated ? { truncated } : {}) });
        return response;
      };
      return level === 'RequestResponse' && body !== undefined
        ? sentBody(body, notes, inner.info).then(record)
        : record({});
    },
  };
}

const objectVerbs = new Set(['create', 'update']);

/** The object as it was understood, if it was; a patch and options as they came. */
async function sentBody(body: KeptBody, { object }: KeptNotes, { verb }: RequestInfo): Promise<AuditedBodies> {
  const kept = await body.kept();
  if (!('requestObject' in kept) || !objectVerbs.has(verb)) return kept;
  return object === undefined ? {} : { requestObject: object };
}

interface KeptBody {
  readonly request: ApiRequest;
  kept(): Promise<AuditedBodies>;
}

function keepBody(request: ApiRequest): KeptBody {
  const { body } = request;
  if (body.type === 'none') return { request, kept: () => Promise.resolve({}) };
  if (body.type === 'object') return { request, kept: () => Promise.resolve({ requestObject: body.object }) };
  let bytes: Uint8Array | undefined;
  return {
    request: {
      ...request,
      signal: request.signal,
      abandon: () => request.abandon?.(),
      body: {
        ...body, // What is passed on as it comes is not kept: it may be as long as it likes, and is another server's to record.
        read: async (limitBytes) => (bytes = await body.read(limitBytes)),
      },
    },
    async kept() {
      if (bytes === undefined || bytes.length === 0) return {};
      if (bytes.length > auditBodyBytesMax) return { truncated: true };
      try {
        return { requestObject: await decodedBody(request, bytes) };
      } catch {
        // It was refused as unreadable, which the answer says.
        return {};
      }
    },
  };
}

function answerOf(body: ResponseBody): AuditedBodies {
  if (body.type !== 'object' && body.type !== 'list' && body.type !== 'bytes') return {};
  if (body.type === 'bytes' && !body.contentType.startsWith('application/json')) return {};
  const parts = body.type === 'bytes' ? body.parts : body.bytes();
  const bytes = parts.reduce((sum, part) => sum + part.length, 0);
  if (bytes === 0) return {};
  if (bytes > auditBodyBytesMax) return { truncated: true };
  return { responseObject: JSON.parse(Buffer.concat(parts).toString('utf8')) as unknown };
}

/** The response with `onEnd` called once when it is over; undefined: it is over when it is sent. */
export function withEnd(request: ApiRequest, response: ApiResponse, onEnd: () => void): ApiResponse | undefined {
  const { body } = response;
  let over = false;
  const end = (): void => {
    if (over) return;
    over = true;
    onEnd();
  };
  switch (body.type) {
    case 'watch':
      return {
        ...response,
        body: {
          ...body,
          open(sink) {
            const watch = body.open({
              onEvent: (event) => sink.onEvent(event),
              room: () => sink.room?.(),
              onEnd: () => {
                end();
                sink.onEnd();
              },
            });
            return {
              [Symbol.dispose]() {
                end();
                watch[Symbol.dispose]();
              },
            };
          },
        },
      };
    case 'stream':
      return { ...response, body: { ...body, stream: untilEnd(body.stream, end) } };
    case 'upgraded':
      request.upgrade?.socket.once('close', end);
      return response;
    default:
      return undefined;
  }
}

async function* untilEnd(stream: AsyncIterable<Uint8Array>, end: () => void): AsyncIterable<Uint8Array> {
  try {
    yield* stream;
  } finally {
    end();
  }
}
