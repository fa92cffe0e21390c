// How the cgroups of Pods, of their classes of service and of containers are named, with both drivers. Pure.
import type { Pod } from '#api/generated/types.ts';
import { podQosClass } from '#api/validation/pod-qos.ts';

export interface CgroupSettings {
  readonly cgroupDriver: 'systemd' | 'cgroupfs';
  /** Name of the cgroup above all Pods' cgroups; upstream's is `kubepods`. */
  readonly cgroupRoot: string;
}

/** As the API keeps it; a Pod that the API did not make has none in its status. */
export const qosClass = (pod: Pod): string => pod.status?.qosClass ?? podQosClass(pod.spec);

export function podCgroup(pod: Pod, settings: CgroupSettings): string {
  const qos = qosClass(pod).toLowerCase();
  const uid = pod.metadata.uid ?? '';
  const root = settings.cgroupRoot;
  if (settings.cgroupDriver === 'systemd') {
    const escaped = uid.replaceAll('-', '_');
    const parent = qos === 'guaranteed' ? root : `${root}-${qos}`;
    return `${parent}-pod${escaped}.slice`;
  }
  return qos === 'guaranteed' ? `/${root}/pod${uid}` : `/${root}/${qos}/pod${uid}`;
}

/** Where a cgroup lies below the hierarchies' roots: systemd nests a slice a dash. */
export function cgroupPath(cgroup: string): string {
  if (!cgroup.endsWith('.slice')) return cgroup;
  const parts = cgroup.slice(0, -'.slice'.length).split('-');
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('-')}.slice`).join('');
}

/** As containerd and CRI-O name them. */
export function containerCgroup(podCgroupName: string, runtimeName: string, id: string): string {
  const own = podCgroupName.endsWith('.slice')
    ? `${runtimeName === 'cri-o' ? 'crio' : 'cri-containerd'}-${id}.scope`
    : id;
  return `${cgroupPath(podCgroupName)}/${own}`;
}

/** Of all Pods, or of those of one class. */
export function classCgroup(name: '' | 'burstable' | 'besteffort', settings: CgroupSettings): string {
  const { cgroupDriver, cgroupRoot } = settings;
  if (cgroupDriver === 'systemd') return `${cgroupRoot}${name === '' ? '' : `-${name}`}.slice`;
  return `/${cgroupRoot}${name === '' ? '' : `/${name}`}`;
}
