// Keys that MicroShift has, and whose feature this version does not have: refused by name rather than as unknown. Values that
// ask for nothing (empty, or what is so anyway) pass, so that MicroShift's own sample file can be used.

export interface AbsentKey {
  /** This key and all below it. */
  readonly path: string;
  /** What there is instead, or what to do. */
  readonly instead: string;
  /** Values that ask for nothing, besides empty ones. */
  readonly harmless?: readonly unknown[];
  /** Values that ask for something which nobody misses: a warning instead of a refusal. */
  readonly tolerated?: readonly unknown[];
  /** A false or a zero asks for something, too. */
  readonly strict?: true;
  /** Whatever is below: another key turns the feature on. */
  readonly unlessTurnedOnBy?: string;
}

export const absentKeys: readonly AbsentKey[] = [
  {
    path: 'apiServer.advertiseAddress',
    instead: 'The API server is reached in the cluster at the node address, which is followed when it changes.',
  },
  {
    path: 'clusterToCluster.remoteClusters',
    instead: 'Pods reach other clusters through their Routes or LoadBalancer Services.',
  },
  { path: 'clusterToCluster', instead: 'It has no effect without remote clusters.', unlessTurnedOnBy: '' },
  { path: 'dns.configFile', instead: 'The cluster DNS is built in and takes no Corefile.' },
  {
    path: 'dns.resources',
    instead: 'The cluster DNS is part of the process and has no Pod of its own.',
    harmless: [{ requests: { cpu: '50m', memory: '70Mi' } }, { requests: { cpu: '50m', memory: '70Mi' }, limits: {} }],
  },
  {
    path: 'etcd',
    instead:
      'No etcd is brought along: objects are in an SQLite file below dataDir, or on the etcd cluster that datastore.endpoint names.',
  },
  {
    path: 'genericDevicePlugin.status',
    instead: 'Run a device plugin of your own: any registers.',
    harmless: ['Disabled'],
  },
  {
    path: 'genericDevicePlugin',
    instead: 'Run a device plugin of your own: any registers.',
    unlessTurnedOnBy: 'genericDevicePlugin.status',
  },
  // There is no swap accounting that could fail: Pods do not get any.
  { path: 'kubelet.failSwapOn', instead: 'A node with swap is no failure.', harmless: [false], strict: true },
  {
    path: 'kubelet',
    instead:
      'Settings of the kubelet that are there: maxPods, podPidsLimit, streamingConnectionIdleTimeout, shutdownGracePeriod, shutdownGracePeriodCriticalPods, maxParallelImagePulls, serializeImagePulls, containerLogMaxSize, containerLogMaxFiles, imageGCHighThresholdPercent, imageGCLowThresholdPercent, imageMinimumGCAge, imageMaximumGCAge, imagePullCredentialsVerificationPolicy, preloadedImagesVerificationAllowlist, evictionHard, evictionSoft, evictionSoftGracePeriod, evictionMinimumReclaim, mergeDefaultEvictionSettings, evictionPressureTransitionPeriod, evictionMaxPodGracePeriod, systemReserved and kubeReserved with cpu and memory.',
    strict: true,
  },
  {
    path: 'network.cniPlugin',
    instead: "The Pod network is MicroShift's own, made of the CNI reference plugins.",
  },
  { path: 'network.multus', instead: 'Pods have one network.', harmless: [{ status: 'Disabled' }] },
  {
    path: 'storage.optionalCsiComponents',
    instead: 'There are no volume snapshots.',
    harmless: [['none'], ['']],
  },
  // Its own sample file says Enabled.
  {
    path: 'telemetry.status',
    instead: 'Nothing is ever sent anywhere.',
    harmless: ['Disabled'],
    tolerated: ['Enabled'],
  },
  { path: 'telemetry', instead: 'Nothing is ever sent anywhere.', unlessTurnedOnBy: 'telemetry.status' },
];
