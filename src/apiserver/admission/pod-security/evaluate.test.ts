import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PodSpec } from '#api/generated/types.ts';
import { detailsText, violationsOf } from './evaluate.ts';
import type { PodSecurityVersion } from './policy.ts';

const c = (name: string, more: object = {}) => ({ name, image: 'x', ...more });
const good = (name: string, securityContext: object = {}) =>
  c(name, {
    securityContext: {
      allowPrivilegeEscalation: false,
      runAsNonRoot: true,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
      ...securityContext,
    },
  });
/** What kube-apiserver 1.36.2 said of these Pods. '': admitted. */
const observed: readonly (readonly [
  name: string,
  level: 'baseline' | 'restricted',
  version: PodSecurityVersion,
  spec: object,
  details: string,
  annotations?: Readonly<Record<string, string>>,
])[] = [
  [
    'plain',
    'restricted',
    'latest',
    { containers: [c('a')] },
    'allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
  ],
  [
    'plain',
    'restricted',
    0,
    { containers: [c('a')] },
    'runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true)',
  ],
  [
    'plain',
    'restricted',
    10,
    { containers: [c('a')] },
    'allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false), runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true)',
  ],
  [
    'plain',
    'restricted',
    19,
    { containers: [c('a')] },
    'allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false), runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
  ],
  [
    'plain',
    'restricted',
    22,
    { containers: [c('a'), c('b')], initContainers: [c('i')] },
    'allowPrivilegeEscalation != false (containers "i", "a", "b" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (containers "i", "a", "b" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or containers "i", "a", "b" must set securityContext.runAsNonRoot=true), seccompProfile (pod or containers "i", "a", "b" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
  ],
  ['plain', 'baseline', 'latest', { containers: [c('a')] }, ''],
  [
    'future version',
    'restricted',
    99,
    { containers: [c('a')] },
    'allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
  ],
  ['good', 'restricted', 'latest', { containers: [good('a')] }, ''],
  [
    'good at pod level',
    'restricted',
    'latest',
    {
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'Localhost', localhostProfile: 'p' } },
      containers: [
        c('a', {
          securityContext: {
            allowPrivilegeEscalation: false,
            capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] },
          },
        }),
      ],
    },
    '',
  ],
  [
    'privileged',
    'baseline',
    'latest',
    {
      containers: [
        c('a', { securityContext: { privileged: true } }),
        c('b', { securityContext: { privileged: true } }),
      ],
    },
    'privileged (containers "a", "b" must not set securityContext.privileged=true)',
  ],
  [
    'privileged',
    'restricted',
    'latest',
    { containers: [c('a', { securityContext: { privileged: true } })] },
    'privileged (container "a" must not set securityContext.privileged=true), allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
  ],
  [
    'host namespaces',
    'baseline',
    'latest',
    { hostNetwork: true, hostPID: true, hostIPC: true, containers: [c('a')] },
    'host namespaces (hostNetwork=true, hostPID=true, hostIPC=true)',
  ],
  [
    'host path',
    'baseline',
    'latest',
    {
      volumes: [
        { name: 'v', hostPath: { path: '/a' } },
        { name: 'w', hostPath: { path: '/a' } },
      ],
      containers: [c('a')],
    },
    'hostPath volumes (volumes "v", "w")',
  ],
  [
    'host path',
    'restricted',
    'latest',
    { volumes: [{ name: 'v', hostPath: { path: '/a' } }], containers: [good('a')] },
    'restricted volume types (volume "v" uses restricted volume type "hostPath")',
  ],
  [
    'volume types',
    'restricted',
    'latest',
    {
      volumes: [
        { name: 'v', nfs: { server: 's', path: '/a' } },
        { name: 'w', hostPath: { path: '/a' } },
        { name: 'e', emptyDir: {} },
        { name: 'g', iscsi: { targetPortal: '1.2.3.4', iqn: 'iqn.2001-04.com.example:storage.x', lun: 0 } },
      ],
      containers: [good('a')],
    },
    'restricted volume types (volumes "v", "w", "g" use restricted volume types "hostPath", "iscsi", "nfs")',
  ],
  [
    'host ports',
    'baseline',
    'latest',
    {
      containers: [
        c('a', {
          ports: [
            { containerPort: 80, hostPort: 8080 },
            { containerPort: 81, hostPort: 90 },
          ],
        }),
        c('b', { ports: [{ containerPort: 80, hostPort: 8081 }] }),
      ],
    },
    'hostPort (containers "a", "b" use hostPorts 8080, 8081, 90)',
  ],
  [
    'one host port',
    'baseline',
    'latest',
    { containers: [c('a', { ports: [{ containerPort: 80, hostPort: 80 }] })] },
    'hostPort (container "a" uses hostPort 80)',
  ],
  [
    'capabilities',
    'baseline',
    'latest',
    {
      containers: [
        c('b', { securityContext: { capabilities: { add: ['SYS_ADMIN', 'NET_RAW', 'CHOWN'] } } }),
        c('a', { securityContext: { capabilities: { add: ['NET_ADMIN'] } } }),
      ],
    },
    'non-default capabilities (containers "b", "a" must not include "NET_ADMIN", "NET_RAW", "SYS_ADMIN" in securityContext.capabilities.add)',
  ],
  [
    'capabilities',
    'restricted',
    'latest',
    { containers: [good('a', { capabilities: { drop: ['KILL'], add: ['CHOWN', 'NET_BIND_SERVICE'] } })] },
    'unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]; container "a" must not include "CHOWN" in securityContext.capabilities.add)',
  ],
  [
    'capabilities',
    'restricted',
    21,
    { containers: [good('a', { capabilities: { add: ['SYS_TIME'] } })] },
    'non-default capabilities (container "a" must not include "SYS_TIME" in securityContext.capabilities.add)',
  ],
  [
    'proc mount',
    'baseline',
    'latest',
    { hostUsers: false, containers: [c('a', { securityContext: { procMount: 'Unmasked' } })] },
    '',
  ],
  [
    'proc mount',
    'baseline',
    34,
    { hostUsers: false, containers: [c('a', { securityContext: { procMount: 'Unmasked' } })] },
    'procMount (container "a" must not set securityContext.procMount to "Unmasked")',
  ],
  [
    'proc mount',
    'restricted',
    'latest',
    { hostUsers: false, containers: [good('a', { procMount: 'Unmasked' })] },
    'procMount (container "a" must not set securityContext.procMount to "Unmasked")',
  ],
  [
    'user namespace',
    'restricted',
    'latest',
    {
      hostUsers: false,
      containers: [
        c('a', {
          securityContext: {
            runAsUser: 0,
            runAsNonRoot: false,
            allowPrivilegeEscalation: false,
            capabilities: { drop: ['ALL'] },
            seccompProfile: { type: 'RuntimeDefault' },
          },
        }),
      ],
    },
    '',
  ],
  [
    'user namespace',
    'restricted',
    34,
    {
      hostUsers: false,
      containers: [
        c('a', {
          securityContext: {
            runAsUser: 0,
            runAsNonRoot: false,
            allowPrivilegeEscalation: false,
            capabilities: { drop: ['ALL'] },
            seccompProfile: { type: 'RuntimeDefault' },
          },
        }),
      ],
    },
    'runAsNonRoot != true (container "a" must not set securityContext.runAsNonRoot=false), runAsUser=0 (container "a" must not set runAsUser=0)',
  ],
  [
    'selinux',
    'baseline',
    'latest',
    {
      securityContext: { seLinuxOptions: { type: 'x_t', user: 'u', role: 'r' } },
      containers: [
        c('a', { securityContext: { seLinuxOptions: { type: 'y_t' } } }),
        c('b', { securityContext: { seLinuxOptions: { type: 'container_t', level: 's0' } } }),
      ],
    },
    'seLinuxOptions (pod and container "a" set forbidden securityContext.seLinuxOptions: types "x_t", "y_t"; user may not be set; role may not be set)',
  ],
  [
    'selinux engine',
    'baseline',
    30,
    { containers: [c('a', { securityContext: { seLinuxOptions: { type: 'container_engine_t' } } })] },
    'seLinuxOptions (container "a" set forbidden securityContext.seLinuxOptions: type "container_engine_t")',
  ],
  [
    'selinux engine',
    'baseline',
    31,
    { containers: [c('a', { securityContext: { seLinuxOptions: { type: 'container_engine_t' } } })] },
    '',
  ],
  [
    'seccomp',
    'baseline',
    'latest',
    {
      securityContext: { seccompProfile: { type: 'Unconfined' } },
      containers: [c('a', { securityContext: { seccompProfile: { type: 'Unconfined' } } }), c('b')],
    },
    'seccompProfile (pod and container "a" must not set securityContext.seccompProfile.type to "Unconfined")',
  ],
  [
    'seccomp',
    'restricted',
    'latest',
    { securityContext: { seccompProfile: { type: 'Unconfined' } }, containers: [good('a')] },
    'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")',
  ],
  [
    'seccomp annotation',
    'baseline',
    18,
    { containers: [c('a')] },
    'seccompProfile (forbidden annotations container.seccomp.security.alpha.kubernetes.io/a="unconfined", seccomp.security.alpha.kubernetes.io/pod="unconfined")',
    {
      'seccomp.security.alpha.kubernetes.io/pod': 'unconfined',
      'container.seccomp.security.alpha.kubernetes.io/a': 'unconfined',
    },
  ],
  [
    'apparmor',
    'baseline',
    'latest',
    {
      securityContext: { appArmorProfile: { type: 'Unconfined' } },
      containers: [c('a', { securityContext: { appArmorProfile: { type: 'Unconfined' } } }), c('b')],
    },
    'forbidden AppArmor profile (pod and container "a" must not set AppArmor profile type to "Unconfined")',
  ],
  [
    'apparmor annotation',
    'baseline',
    'latest',
    { containers: [c('a', { securityContext: { appArmorProfile: { type: 'Unconfined' } } })] },
    'forbidden AppArmor profiles (container "a" and annotation must not set AppArmor profile type to "Unconfined", "container.apparmor.security.beta.kubernetes.io/a="unconfined"")',
    { 'container.apparmor.security.beta.kubernetes.io/a': 'unconfined' },
  ],
  [
    'sysctls',
    'baseline',
    'latest',
    {
      securityContext: {
        sysctls: [
          { name: 'kernel.msgmax', value: '1' },
          { name: 'net.ipv4.tcp_rmem', value: '1 2 3' },
          { name: 'net.core.somaxconn', value: '1' },
        ],
      },
      containers: [c('a')],
    },
    'forbidden sysctls (kernel.msgmax, net.core.somaxconn)',
  ],
  [
    'sysctls',
    'baseline',
    31,
    {
      securityContext: {
        sysctls: [
          { name: 'net.ipv4.tcp_rmem', value: '1 2 3' },
          { name: 'net.ipv4.tcp_fin_timeout', value: '1' },
        ],
      },
      containers: [c('a')],
    },
    'forbidden sysctls (net.ipv4.tcp_rmem)',
  ],
  [
    'sysctls',
    'baseline',
    26,
    {
      securityContext: {
        sysctls: [
          { name: 'net.ipv4.ip_local_reserved_ports', value: '1' },
          { name: 'net.ipv4.tcp_fin_timeout', value: '1' },
        ],
      },
      containers: [c('a')],
    },
    'forbidden sysctls (net.ipv4.ip_local_reserved_ports, net.ipv4.tcp_fin_timeout)',
  ],
  [
    'windows',
    'restricted',
    'latest',
    { os: { name: 'windows' }, securityContext: { runAsNonRoot: true }, containers: [c('a')] },
    '',
  ],
  [
    'windows',
    'restricted',
    24,
    { os: { name: 'windows' }, containers: [c('a')] },
    'allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
  ],
  [
    'host process',
    'baseline',
    'latest',
    {
      os: { name: 'windows' },
      hostNetwork: true,
      securityContext: { windowsOptions: { hostProcess: true } },
      containers: [c('a', { securityContext: { windowsOptions: { hostProcess: true } } })],
    },
    'host namespaces (hostNetwork=true), hostProcess (pod and container "a" must not set securityContext.windowsOptions.hostProcess=true)',
  ],
  [
    'run as root',
    'restricted',
    'latest',
    {
      securityContext: { runAsUser: 0, runAsNonRoot: false },
      containers: [good('a', { runAsUser: 0, runAsNonRoot: false }), good('b')],
    },
    'runAsNonRoot != true (pod and container "a" must not set securityContext.runAsNonRoot=false), runAsUser=0 (pod and container "a" must not set runAsUser=0)',
  ],
  [
    'run as non-root by silence',
    'restricted',
    'latest',
    { containers: [good('a'), good('b', { runAsNonRoot: undefined })] },
    'runAsNonRoot != true (pod or container "b" must set securityContext.runAsNonRoot=true)',
  ],
  [
    'probe hosts',
    'baseline',
    'latest',
    {
      containers: [
        c('a', {
          livenessProbe: { httpGet: { port: 80, host: 'h' } },
          lifecycle: {
            preStop: { tcpSocket: { port: 1, host: 't' } },
            postStart: { httpGet: { port: 80, host: 'h' } },
          },
        }),
      ],
    },
    'probe or lifecycle host (container "a" uses probe or lifecycle hosts "h", "t")',
  ],
  [
    'probe hosts',
    'baseline',
    33,
    { containers: [c('a', { livenessProbe: { httpGet: { port: 80, host: 'h' } } })] },
    '',
  ],
];

for (const [name, level, version, spec, details, annotations] of observed)
  test(`${level}:${version}: ${name}`, () => {
    const violations = violationsOf({ level, version }, { ...(annotations && { annotations }) }, spec as PodSpec);
    assert.equal(detailsText(violations), details);
  });

test('privileged asks nothing', () => {
  const spec = { hostNetwork: true, containers: [c('a')] } as PodSpec;
  assert.deepEqual(violationsOf({ level: 'privileged', version: 'latest' }, {}, spec), []);
});
