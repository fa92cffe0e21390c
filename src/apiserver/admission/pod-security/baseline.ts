// The checks of the level baseline: what lets a Pod out of its container.
import type { LifecycleHandler, PodSpec, Probe, SELinuxOptions } from '#api/generated/types.ts';
import {
  containersOf,
  containersText,
  except,
  hasUserNamespace,
  namesOf,
  plural,
  quoted,
  settersText,
  sorted,
  type PodCheck,
  type StandardCheck,
} from './check.ts';

const appArmorAnnotationPrefix = 'container.apparmor.security.beta.kubernetes.io/';
const seccompPodAnnotation = 'seccomp.security.alpha.kubernetes.io/pod';
const seccompContainerPrefix = 'container.seccomp.security.alpha.kubernetes.io/';
/** Of AppArmor and seccomp alike. */
const isKnownProfile = (type: string): boolean => type === 'RuntimeDefault' || type === 'Localhost';
const isAppArmorAnnotation = (value: string): boolean =>
  value === '' || value === 'runtime/default' || value.startsWith('localhost/');
const isSeccompAnnotation = (value: string): boolean =>
  value === 'runtime/default' || value === 'docker/default' || value.startsWith('localhost/');

const appArmor: PodCheck = (spec, metadata) => {
  const podType = spec.securityContext?.appArmorProfile?.type;
  const podIsBad = podType !== undefined && !isKnownProfile(podType);
  const bad = containersOf(spec).filter((one) => {
    const type = one.securityContext?.appArmorProfile?.type;
    return type !== undefined && !isKnownProfile(type);
  });
  const annotations = Object.entries(metadata.annotations ?? {})
    .filter(([key, value]) => key.startsWith(appArmorAnnotationPrefix) && !isAppArmorAnnotation(value))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .toSorted();
  const setters = settersText(
    podIsBad,
    bad.map((one) => one.name),
  );
  const values = [
    ...sorted([...(podIsBad ? [podType] : []), ...bad.map((one) => one.securityContext!.appArmorProfile!.type)]),
    ...annotations,
  ];
  if (setters === '' && annotations.length === 0) return undefined;
  const who = [
    ...(setters === '' ? [] : [setters]),
    ...(annotations.length === 0 ? [] : [plural(annotations.length, 'annotation')]),
  ];
  return {
    reason: plural(values.length, 'forbidden AppArmor profile'),
    detail: `${who.join(' and ')} must not set AppArmor profile type to ${quoted(values)}`,
  };
};

const defaultCapabilities = new Set([
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
]);
const capabilities: PodCheck = (spec) => {
  const extra: string[] = [];
  const names = namesOf(spec, (one) => {
    const added = (one.securityContext?.capabilities?.add ?? []).filter((name) => !defaultCapabilities.has(name));
    extra.push(...added);
    return added.length > 0;
  });
  if (names.length === 0) return undefined;
  return {
    reason: 'non-default capabilities',
    detail: `${containersText(names)} must not include ${quoted(sorted(extra))} in securityContext.capabilities.add`,
  };
};

const hostNamespaces: PodCheck = (spec) => {
  const used = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((field) => spec[field] === true);
  if (used.length === 0) return undefined;
  return { reason: 'host namespaces', detail: used.map((field) => `${field}=true`).join(', ') };
};

const hostPathVolumes: PodCheck = (spec) => {
  const names = (spec.volumes ?? []).filter((volume) => volume.hostPath !== undefined).map((volume) => volume.name);
  if (names.length === 0) return undefined;
  return { reason: 'hostPath volumes', detail: `${plural(names.length, 'volume')} ${quoted(names)}` };
};

const hostPorts: PodCheck = (spec) => {
  const ports: string[] = [];
  const names = namesOf(spec, (one) => {
    const used = (one.ports ?? []).filter((port) => (port.hostPort ?? 0) !== 0);
    ports.push(...used.map((port) => String(port.hostPort)));
    return used.length > 0;
  });
  if (names.length === 0) return undefined;
  const all = sorted(ports);
  return {
    reason: 'hostPort',
    detail: `${containersText(names)} ${plural(names.length, 'uses', 'use')} ${plural(all.length, 'hostPort')} ${all.join(', ')}`,
  };
};

const hostsOf = (handler: Probe | LifecycleHandler | undefined): string[] =>
  [handler?.httpGet?.host ?? '', handler?.tcpSocket?.host ?? ''].filter((host) => host !== '');
const hostProbes: PodCheck = (spec) => {
  const hosts: string[] = [];
  const names = sorted(
    namesOf(spec, (one) => {
      const used = [
        one.livenessProbe,
        one.readinessProbe,
        one.startupProbe,
        one.lifecycle?.postStart,
        one.lifecycle?.preStop,
      ].flatMap(hostsOf);
      hosts.push(...used);
      return used.length > 0;
    }),
  );
  if (names.length === 0) return undefined;
  const all = sorted(hosts);
  return {
    reason: 'probe or lifecycle host',
    detail: `${containersText(names)} ${plural(names.length, 'uses', 'use')} ${plural(all.length, 'probe or lifecycle host')} ${quoted(all)}`,
  };
};

const privileged: PodCheck = (spec) => {
  const names = namesOf(spec, (one) => one.securityContext?.privileged === true);
  if (names.length === 0) return undefined;
  return { reason: 'privileged', detail: `${containersText(names)} must not set securityContext.privileged=true` };
};

export const procMount: PodCheck = (spec) => {
  const types: string[] = [];
  const names = namesOf(spec, (one) => {
    const type = one.securityContext?.procMount;
    if (type === undefined || type === 'Default') return false;
    types.push(type);
    return true;
  });
  if (names.length === 0) return undefined;
  return {
    reason: 'procMount',
    detail: `${containersText(names)} must not set securityContext.procMount to ${quoted(sorted(types))}`,
  };
};

const seLinuxTypes = ['', 'container_t', 'container_init_t', 'container_kvm_t'];
const seLinuxOptions =
  (allowedTypes: readonly string[]): PodCheck =>
  (spec) => {
    const types: string[] = [];
    let [setsUser, setsRole] = [false, false];
    const isBad = (options: SELinuxOptions | undefined): boolean => {
      const hasType = !allowedTypes.includes(options?.type ?? '');
      const [hasUser, hasRole] = [(options?.user ?? '') !== '', (options?.role ?? '') !== ''];
      if (hasType) types.push(options!.type!);
      setsUser ||= hasUser;
      setsRole ||= hasRole;
      return hasType || hasUser || hasRole;
    };
    const podIsBad = isBad(spec.securityContext?.seLinuxOptions);
    const names = namesOf(spec, (one) => isBad(one.securityContext?.seLinuxOptions));
    if (!podIsBad && names.length === 0) return undefined;
    const all = sorted(types);
    const faults = [
      ...(all.length > 0 ? [`${plural(all.length, 'type')} ${quoted(all)}`] : []),
      ...(setsUser ? ['user may not be set'] : []),
      ...(setsRole ? ['role may not be set'] : []),
    ];
    return {
      reason: 'seLinuxOptions',
      detail: `${settersText(podIsBad, names)} set forbidden securityContext.seLinuxOptions: ${faults.join('; ')}`,
    };
  };

const seccompAnnotations: PodCheck = (spec, metadata) => {
  const annotations = metadata.annotations ?? {};
  const keys = [seccompPodAnnotation, ...containersOf(spec).map((one) => seccompContainerPrefix + one.name)];
  const bad = sorted(
    keys
      .filter((key) => Object.hasOwn(annotations, key) && !isSeccompAnnotation(annotations[key]!))
      .map((key) => `${key}=${JSON.stringify(annotations[key])}`),
  );
  if (bad.length === 0) return undefined;
  return { reason: 'seccompProfile', detail: `forbidden ${plural(bad.length, 'annotation')} ${bad.join(', ')}` };
};

/** Who sets a profile that is none of the known; also the first half of the restricted check. */
export function badSeccompSetters(spec: PodSpec): { readonly who: string; readonly types: readonly string[] } {
  const podType = spec.securityContext?.seccompProfile?.type;
  const podIsBad = podType !== undefined && !isKnownProfile(podType);
  const types = podIsBad ? [podType] : [];
  const names = namesOf(spec, (one) => {
    const type = one.securityContext?.seccompProfile?.type;
    if (type === undefined || isKnownProfile(type)) return false;
    types.push(type);
    return true;
  });
  return { who: settersText(podIsBad, names), types: sorted(types) };
}
export const seccompFields: PodCheck = (spec) => {
  const { who, types } = badSeccompSetters(spec);
  if (who === '') return undefined;
  return {
    reason: 'seccompProfile',
    detail: `${who} must not set securityContext.seccompProfile.type to ${quoted(types)}`,
  };
};

const sysctls0 = [
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
];
const sysctls27 = [...sysctls0, 'net.ipv4.ip_local_reserved_ports'];
const sysctls29 = [
  ...sysctls27,
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
];
const sysctls32 = [...sysctls29, 'net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem'];
const sysctls =
  (allowed: readonly string[]): PodCheck =>
  (spec) => {
    const names = (spec.securityContext?.sysctls ?? [])
      .map((one) => one.name)
      .filter((name) => !allowed.includes(name));
    return names.length === 0 ? undefined : { reason: 'forbidden sysctls', detail: names.join(', ') };
  };

const windowsHostProcess: PodCheck = (spec) => {
  const who = settersText(
    spec.securityContext?.windowsOptions?.hostProcess === true,
    namesOf(spec, (one) => one.securityContext?.windowsOptions?.hostProcess === true),
  );
  if (who === '') return undefined;
  return { reason: 'hostProcess', detail: `${who} must not set securityContext.windowsOptions.hostProcess=true` };
};

/** By id, as their violations are listed. */
export const baselineChecks: readonly StandardCheck[] = [
  { id: 'appArmorProfile', level: 'baseline', versions: [{ since: 0, check: appArmor }] },
  { id: 'capabilities_baseline', level: 'baseline', versions: [{ since: 0, check: capabilities }] },
  { id: 'hostNamespaces', level: 'baseline', versions: [{ since: 0, check: hostNamespaces }] },
  { id: 'hostPathVolumes', level: 'baseline', versions: [{ since: 0, check: hostPathVolumes }] },
  { id: 'hostPorts', level: 'baseline', versions: [{ since: 0, check: hostPorts }] },
  { id: 'hostProbesAndHostLifecycle', level: 'baseline', versions: [{ since: 34, check: hostProbes }] },
  { id: 'privileged', level: 'baseline', versions: [{ since: 0, check: privileged }] },
  {
    id: 'procMount',
    level: 'baseline',
    versions: [
      { since: 0, check: procMount },
      { since: 35, check: except(hasUserNamespace, procMount) },
    ],
  },
  {
    id: 'seLinuxOptions',
    level: 'baseline',
    versions: [
      { since: 0, check: seLinuxOptions(seLinuxTypes) },
      { since: 31, check: seLinuxOptions([...seLinuxTypes, 'container_engine_t']) },
    ],
  },
  {
    id: 'seccompProfile_baseline',
    level: 'baseline',
    versions: [
      { since: 0, check: seccompAnnotations },
      { since: 19, check: seccompFields },
    ],
  },
  {
    id: 'sysctls',
    level: 'baseline',
    versions: [
      { since: 0, check: sysctls(sysctls0) },
      { since: 27, check: sysctls(sysctls27) },
      { since: 29, check: sysctls(sysctls29) },
      { since: 32, check: sysctls(sysctls32) },
    ],
  },
  { id: 'windowsHostProcess', level: 'baseline', versions: [{ since: 0, check: windowsHostProcess }] },
];
