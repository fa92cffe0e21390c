// Probes and lifecycle hooks of a container, and the handlers that both have.
import { forbidden, invalid, required, type FieldError } from '../field-error.ts';
import type { Container, LifecycleHandler, PodSpec, Probe } from '../generated/types.ts';
import { httpHeaderName } from '../meta/names.ts';
import { nonNegative, oneOf, portNumberOrName, requiredText, texts } from './fields.ts';

const handlerOrder = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const;

function handlerErrors(path: string, handler: Probe & LifecycleHandler, gracePeriod: number | undefined): FieldError[] {
  const [first, ...further] = handlerOrder.filter((name) => handler[name] !== undefined);
  if (first === undefined) return [required(path, 'must specify a handler type')];
  const at = `${path}.${first}`;
  const errors: FieldError[] = [];
  switch (first) {
    case 'exec':
      if ((handler.exec!.command?.length ?? 0) === 0) errors.push(required(`${at}.command`));
      break;
    case 'httpGet': {
      const { path: urlPath, port, scheme, httpHeaders } = handler.httpGet!;
      errors.push(
        ...requiredText(`${at}.path`, urlPath),
        ...portNumberOrName(`${at}.port`, port),
        ...oneOf(`${at}.scheme`, scheme, ['HTTP', 'HTTPS']),
        ...(httpHeaders ?? []).flatMap(({ name }) => texts(`${at}.httpHeaders`, name, httpHeaderName(name))),
      );
      break;
    }
    case 'tcpSocket':
      errors.push(...portNumberOrName(`${at}.port`, handler.tcpSocket!.port));
      break;
    case 'grpc':
      errors.push(...portNumberOrName(`${at}.port`, handler.grpc!.port));
      break;
    case 'sleep': {
      const { seconds } = handler.sleep!;
      if (gracePeriod !== undefined && (seconds < 0 || seconds > gracePeriod))
        errors.push(
          invalid(at, seconds, `must be non-negative and less than terminationGracePeriodSeconds (${gracePeriod})`),
        );
      break;
    }
  }
  for (const name of further) errors.push(forbidden(`${path}.${name}`, 'may not specify more than 1 handler type'));
  return errors;
}

function probeErrors(
  path: string,
  probe: Probe | undefined,
  gracePeriod: number | undefined,
  readiness: boolean,
): FieldError[] {
  if (probe === undefined) return [];
  const errors = [
    ...handlerErrors(path, probe, gracePeriod),
    ...(
      ['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold'] as const
    ).flatMap((name) => nonNegative(`${path}.${name}`, probe[name])),
  ];
  const grace = probe.terminationGracePeriodSeconds;
  if (grace !== undefined && grace <= 0)
    errors.push(invalid(`${path}.terminationGracePeriodSeconds`, grace, 'must be greater than 0'));
  if (readiness && grace !== undefined)
    errors.push(invalid(`${path}.terminationGracePeriodSeconds`, grace, 'must not be set for readinessProbes'));
  if (!readiness && probe.successThreshold !== 1)
    errors.push(invalid(`${path}.successThreshold`, probe.successThreshold ?? 0, 'must be 1'));
  return errors;
}

export function probesAndLifecycleErrors(path: string, container: Container, spec: PodSpec): FieldError[] {
  const grace = spec.terminationGracePeriodSeconds;
  const { lifecycle } = container;
  const errors: FieldError[] = [];
  if (lifecycle !== undefined) {
    for (const hook of ['postStart', 'preStop'] as const)
      if (lifecycle[hook] !== undefined)
        errors.push(...handlerErrors(`${path}.lifecycle.${hook}`, lifecycle[hook], grace));
    if (lifecycle.stopSignal !== undefined) {
      const at = `${path}.lifecycle.stopSignal`;
      if (spec.os === undefined) errors.push(forbidden(at, 'may not be set for containers with empty `spec.os.name`'));
      else if (spec.os.name === 'windows') errors.push(...oneOf(at, lifecycle.stopSignal, ['SIGKILL', 'SIGTERM']));
    }
  }
  return [
    ...errors,
    ...probeErrors(`${path}.livenessProbe`, container.livenessProbe, grace, false),
    ...probeErrors(`${path}.readinessProbe`, container.readinessProbe, grace, true),
    ...probeErrors(`${path}.startupProbe`, container.startupProbe, grace, false),
  ];
}
