// Headers that are of one connection (RFC 9110 7.6.1), or for this server alone: a request that is passed on does not carry them.

export const connectionHeaders: readonly string[] = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'authorization',
  'host',
];
