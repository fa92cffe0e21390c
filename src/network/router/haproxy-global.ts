// The part of HAProxy's configuration that holds for all Routes: limits, TLS, timeouts, logs. Pure.
import { quoted } from './quoting.ts';
import type { RouterPolicy } from './policy.ts';
import { adminSocketPath, digestVariable, type RouterSettings } from './settings.ts';
import { timeoutMsMax } from './annotations.ts';
import { tlsProfileLines } from './tls-profile.ts';

/** Header names for servers that want capitals (annotation h1-adjust-case); HAProxy itself knows small letters only. */
const capitalHeaders =
  'Accept Accept-Charset Accept-Encoding Accept-Language Authorization Cache-Control Connection Content-Encoding Content-Length Content-Type Cookie Date Expect Forwarded Host If-Match If-Modified-Since If-None-Match Origin Pragma Range Referer SOAPAction TE Transfer-Encoding Upgrade User-Agent Via X-Forwarded-For X-Forwarded-Host X-Forwarded-Port X-Forwarded-Proto'.split(
    ' ',
  );

const time = (ms: number, whenZero: number): string => `${Math.min(ms === 0 ? whenZero : ms, timeoutMsMax)}ms`;

export function globalLines(
  settings: RouterSettings,
  digest: string,
  /** Some Route asks for capitals in header names. */
  adjustsCase: boolean,
): readonly string[] {
  const { policy, runDirectory, user } = settings;
  const { tuning, accessLog } = policy;
  const connections = tuning.maxConnections === 0 ? 50_000 : tuning.maxConnections;
  return [
    'global',
    `  setenv ${digestVariable} "${digest}"`,
    `  stats socket ${adminSocketPath(runDirectory)} mode 600 level admin expose-fd listeners`,
    ...(connections < 0 ? [] : [`  maxconn ${connections}`]),
    '  no strict-limits',
    ...(tuning.threadCount === 0 ? [] : [`  nbthread ${tuning.threadCount}`]),
    // Workers that were replaced live as long as their tunnels, but not without end.
    '  hard-stop-after 24h',
    '  mworker-max-reloads 50',
    ...(user === undefined ? [] : [`  uid ${user.userId}`, `  gid ${user.groupId}`]),
    `  tune.maxrewrite ${tuning.headerBufferMaxRewriteBytes === 0 ? 8_192 : tuning.headerBufferMaxRewriteBytes}`,
    `  tune.bufsize ${tuning.headerBufferBytes === 0 ? 32_768 : tuning.headerBufferBytes}`,
    ...(accessLog.cookie !== undefined && accessLog.cookie.maxLength > 63
      ? [`  tune.http.cookielen ${accessLog.cookie.maxLength}`]
      : []),
    ...tlsProfileLines(policy.tlsSecurityProfile),
    ...(adjustsCase ? capitalHeaders.map((one) => `  h1-case-adjust ${one.toLowerCase()} ${one}`) : []),
    ...logTarget(accessLog),
    '',
    'defaults',
    '  mode http',
    ...(connections < 0 ? [] : [`  maxconn ${connections}`]),
    ...(accessLog.enabled ? ['  log global', ...logFormat(accessLog)] : []),
    '  timeout connect 5s',
    `  timeout client ${time(tuning.clientTimeoutMs, 30_000)}`,
    `  timeout client-fin ${time(tuning.clientFinTimeoutMs, 1_000)}`,
    `  timeout server ${time(tuning.serverTimeoutMs, 30_000)}`,
    `  timeout server-fin ${time(tuning.serverFinTimeoutMs, 1_000)}`,
    '  timeout http-request 10s',
    // A worker that was replaced still takes one request of each idle connection, with the endpoints that it knew: not for long.
    '  timeout http-keep-alive 75s',
    `  timeout tunnel ${time(tuning.tunnelTimeoutMs, 3_600_000)}`,
    '  timeout queue 5s',
    '  timeout check 5s',
    '  retries 3',
    '  option redispatch 1',
    '  retry-on conn-failure empty-response',
    ...(policy.logEmptyRequests ? [] : ['  option dontlognull']),
    ...(policy.emptyRequestsPolicy === 'Ignore' ? ['  option http-ignore-probes'] : []),
    ...(policy.compressedMimeTypes.length === 0
      ? []
      : ['  compression algo gzip', `  compression type ${policy.compressedMimeTypes.map(quoted).join(' ')}`]),
    `  errorfile 503 ${runDirectory}/503.http`,
    ...(settings.errorPages?.[404] === undefined ? [] : [`  errorfile 404 ${runDirectory}/404.http`]),
    '',
  ];
}

function logTarget({ enabled, destination, containerMaxLength, syslog }: RouterPolicy['accessLog']): readonly string[] {
  if (!enabled) return [];
  if (destination === 'Container') return [`  log stdout len ${containerMaxLength} format raw local1 info`];
  return [
    `  log ${syslog.address}:${syslog.port} len ${syslog.maxLength} ${syslog.facility} info`,
    '  log-send-hostname',
  ];
}

const logFormat = ({ format }: RouterPolicy['accessLog']): readonly string[] =>
  format === '' ? ['  option httplog'] : [`  log-format ${quoted(format)}`];

/** Headers and cookies for the access log, of a frontend that reads HTTP. */
export const captureLines = ({ accessLog }: RouterPolicy): readonly string[] =>
  accessLog.enabled
    ? [
        ...accessLog.requestHeaders.map((one) => `  capture request header ${quoted(one.name)} len ${one.maxLength}`),
        ...accessLog.responseHeaders.map((one) => `  capture response header ${quoted(one.name)} len ${one.maxLength}`),
        ...(accessLog.cookie === undefined
          ? []
          : [
              `  capture cookie ${quoted(accessLog.cookie.name + (accessLog.cookie.matchType === 'Exact' ? '=' : ''))} len ${accessLog.cookie.maxLength}`,
            ]),
      ]
    : [];
