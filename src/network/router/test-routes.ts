// Routes, Services and endpoints for the tests of this folder.
import type { EndpointSlice, Route, RouteSpec, Service } from '#api/generated/types.ts';
import type { AdmissionSettings } from './admission.ts';
import type { BackendServer } from './backends.ts';

export const admission: AdmissionSettings = {
  routerName: 'default',
  canonicalHostname: 'router.example.com',
  domain: 'apps.example.com',
  allowsWildcards: false,
  sharesHosts: true,
};

export const route = (
  name: string,
  spec: Partial<RouteSpec>,
  more: { namespace?: string; day?: number; annotations?: Record<string, string> } = {},
): Route => {
  const { namespace = 'web', day = 1, annotations } = more;
  return {
    metadata: {
      name,
      namespace,
      creationTimestamp: `2026-01-0${day}T00:00:00Z`,
      uid: `${namespace}-${name}`,
      ...(annotations === undefined ? {} : { annotations }),
    },
    spec: { host: 'shop.example.com', to: { kind: 'Service', name: 'shop' }, ...spec },
  };
};

export const server = (ip: string, more: Partial<BackendServer> = {}): BackendServer => ({
  ip,
  port: 8080,
  weight: 1,
  checked: false,
  service: 'shop',
  http2: false,
  pod: '',
  ...more,
});

export const service = (name: string): Service => ({
  metadata: { namespace: 'web', name },
  spec: {
    ports: [
      { name: 'http', port: 80, targetPort: 'web' },
      { name: 'metrics', port: 81, targetPort: 9090 },
    ],
  },
});

export const slice = (name: string, ...ips: string[]): EndpointSlice => ({
  metadata: { namespace: 'web', name },
  addressType: 'IPv4',
  ports: [
    { name: 'http', port: 8080, protocol: 'TCP' },
    { name: 'metrics', port: 9090, protocol: 'TCP' },
  ],
  endpoints: [
    ...ips.map((ip) => ({
      addresses: [ip],
      conditions: { ready: true },
      targetRef: { kind: 'Pod', name: `pod-${ip}` },
    })),
    { addresses: ['10.42.9.9'], conditions: { ready: false } },
  ],
});
