// Runs the actions of probes and lifecycle hooks: exec, httpGet, tcpSocket, grpc, sleep.
import { sleep, type Clock } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type {
  Container,
  GRPCAction,
  HTTPGetAction,
  IntOrString,
  LifecycleHandler,
  Probe,
} from '#api/generated/types.ts';
import type { NodeMachine } from '#host/node-machine.ts';
import { connectGrpc, grpcCode, GrpcError, type GrpcTable } from '#wire/grpc.ts';
import type { ContainerRuntime } from '../cri/runtime.ts';

export interface HandlerContext {
  readonly runtime: ContainerRuntime;
  readonly machine: NodeMachine;
  readonly clock: Clock;
}

export interface HandlerTarget {
  readonly container: Container;
  readonly containerId: string;
  readonly podIp: string;
}

export interface ProbeOutcome {
  readonly result: 'success' | 'failure' | 'unknown';
  readonly output: string;
}

const probeOutputBytesMax = 10 * 1024;

/** grpc.health.v1, from its public proto. */
const healthTable: GrpcTable = {
  package: 'grpc.health.v1',
  services: { Health: [['Check', 'HealthCheckRequest', 'HealthCheckResponse']] },
  enums: { ServingStatus: { UNKNOWN: 0, SERVING: 1, NOT_SERVING: 2, SERVICE_UNKNOWN: 3 } },
  messages: {
    HealthCheckRequest: [['service', 'string', 1]],
    HealthCheckResponse: [['status', 'ServingStatus', 1]],
  },
};

export function portNumber(port: IntOrString, container: Container): number {
  const named = container.ports?.find((one) => one.name === port)?.containerPort;
  const value = named ?? Number(port);
  if (!Number.isInteger(value) || value < 1 || value > 65_535)
    throw new Error(`couldn't find port: ${JSON.stringify(port)}`);
  return value;
}

const hostText = (host: string): string => (host.includes(':') ? `[${host}]` : host);

function httpUrl(action: HTTPGetAction, target: HandlerTarget): string {
  const host = action.host === undefined || action.host === '' ? target.podIp : action.host;
  const scheme = (action.scheme ?? 'HTTP').toLowerCase();
  const path = action.path ?? '/';
  return `${scheme}://${hostText(host)}:${portNumber(action.port, target.container)}${path.startsWith('/') ? path : `/${path}`}`;
}

function httpHeaders(action: HTTPGetAction, agent: string): Record<string, string> {
  const headers: Record<string, string> = { 'user-agent': agent, accept: '*/*' };
  for (const { name, value } of action.httpHeaders ?? []) headers[name.toLowerCase()] = value;
  return headers;
}

export async function runProbe(context: HandlerContext, probe: Probe, target: HandlerTarget): Promise<ProbeOutcome> {
  const timeoutSeconds = probe.timeoutSeconds ?? 1;
  try {
    if (probe.exec !== undefined)
      return await execProbe(context, target.containerId, probe.exec.command ?? [], timeoutSeconds);
    if (probe.httpGet !== undefined) {
      const answer = await context.machine.httpGet({
        url: httpUrl(probe.httpGet, target),
        headers: httpHeaders(probe.httpGet, 'kube-probe/1.36'),
        timeoutMs: timeoutSeconds * 1000,
        bodyBytesMax: probeOutputBytesMax,
        redirectsMax: 10,
      });
      return answer.status >= 200 && answer.status < 400
        ? { result: 'success', output: answer.body }
        : { result: 'failure', output: `HTTP probe failed with statuscode: ${answer.status}` };
    }
    if (probe.tcpSocket !== undefined) {
      const host =
        probe.tcpSocket.host === undefined || probe.tcpSocket.host === '' ? target.podIp : probe.tcpSocket.host;
      await context.machine.tcpConnect(host, portNumber(probe.tcpSocket.port, target.container), timeoutSeconds * 1000);
      return { result: 'success', output: '' };
    }
    if (probe.grpc !== undefined) return await grpcProbe(probe.grpc, target, timeoutSeconds);
    return { result: 'unknown', output: `missing probe handler for ${target.container.name}` };
  } catch (error) {
    return { result: 'failure', output: messageOf(error) };
  }
}

async function execProbe(
  { runtime }: HandlerContext,
  id: string,
  command: readonly string[],
  timeoutSeconds: number,
): Promise<ProbeOutcome> {
  try {
    const { stdout, stderr, exitCode } = await runtime.execSync(id, command, timeoutSeconds);
    const output = Buffer.concat([stdout, stderr]).subarray(0, probeOutputBytesMax).toString('utf8');
    return { result: exitCode === 0 ? 'success' : 'failure', output };
  } catch (error) {
    if (error instanceof GrpcError && error.code === grpcCode.deadlineExceeded)
      return {
        result: 'failure',
        output: `command timed out: ${JSON.stringify(command.join(' '))} timed out after ${timeoutSeconds}s`,
      };
    return { result: 'unknown', output: messageOf(error) };
  }
}

async function grpcProbe(action: GRPCAction, target: HandlerTarget, timeoutSeconds: number): Promise<ProbeOutcome> {
  const address = `${hostText(target.podIp)}:${action.port}`;
  const connection = await connectGrpc(address);
  try {
    const request = { service: action.service ?? '' };
    const answer = await connection.unary(healthTable, 'Check', request, { timeoutMs: timeoutSeconds * 1000 });
    const { status } = answer as { status: number };
    return status === 1
      ? { result: 'success', output: 'service healthy' }
      : { result: 'failure', output: `service unhealthy (responded with ${JSON.stringify(servingName(status))})` };
  } catch (error) {
    if (!(error instanceof GrpcError)) throw error;
    if (error.code === grpcCode.unimplemented)
      return {
        result: 'failure',
        output: 'error: this server does not implement the grpc health protocol (grpc.health.v1.Health)',
      };
    if (error.code === grpcCode.deadlineExceeded)
      return { result: 'failure', output: `timeout: health rpc did not complete within ${timeoutSeconds}s` };
    return { result: 'failure', output: `error: health rpc probe failed: ${error.message}` };
  } finally {
    connection.close();
  }
}

const servingName = (status: number): string =>
  Object.entries(healthTable.enums['ServingStatus'] ?? {}).find(([, value]) => value === status)?.[0] ?? 'UNKNOWN';

/** Throws when the hook fails. */
export async function runHook(
  context: HandlerContext,
  handler: LifecycleHandler,
  target: HandlerTarget,
  timeoutSeconds: number,
): Promise<void> {
  if (handler.exec !== undefined) {
    const command = handler.exec.command ?? [];
    const { exitCode, stderr, stdout } = await context.runtime.execSync(target.containerId, command, timeoutSeconds);
    if (exitCode !== 0)
      throw new Error(
        `Exec lifecycle hook (${command.join(' ')}) failed: exit code ${exitCode}, message: ${Buffer.concat([stdout, stderr]).toString('utf8').slice(0, 1024)}`,
      );
  } else if (handler.httpGet !== undefined) {
    const answer = await context.machine.httpGet({
      url: httpUrl(handler.httpGet, target),
      headers: httpHeaders(handler.httpGet, 'kube-lifecycle/1.36'),
      timeoutMs: Math.max(1, timeoutSeconds) * 1000,
      bodyBytesMax: probeOutputBytesMax,
      redirectsMax: 10,
    });
    if (answer.status < 200 || answer.status >= 400)
      throw new Error(`HTTP lifecycle hook failed: status ${answer.status}`);
  } else if (handler.sleep !== undefined) await sleep(context.clock, handler.sleep.seconds * 1000);
  else if (handler.tcpSocket !== undefined)
    throw new Error('tcpSocket lifecycle hooks are not supported (upstream neither)');
}
