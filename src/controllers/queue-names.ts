// Under which name the queue of a controller is told in metrics: upstream's, where it has one for the same work.
const upstream: Readonly<Record<string, string>> = {
  'bootstrap-signer': 'bootstrap_signer_queue',
  'certificate-signing': 'certificate',
  'clusterrole-aggregation': 'ClusterRoleAggregator',
  endpoints: 'endpoint',
  endpointslice: 'endpoint_slice',
  endpointslicemirroring: 'endpoint_slice_mirroring',
  'garbage-collector': 'garbage_collector_attempt_to_delete',
  'horizontal-pod-autoscaler': 'horizontalpodautoscaler',
  'node-lifecycle': 'node_lifecycle_controller',
  'persistentvolume-binder': 'volumes',
  'persistentvolumeclaim-binder': 'claims',
  'pod-gc': 'orphaned_pods_nodes',
  'pv-protection': 'pvprotection',
  'pvc-protection': 'pvcprotection',
  replicationcontroller: 'replicationmanager',
  resourcequota: 'resourcequota_primary',
  'service-account': 'serviceaccount',
  'service-cidr': 'ipaddresses',
  'service-loadbalancer': 'service',
  'taint-eviction': 'noexec_taint_pod',
  'token-secrets': 'serviceaccount_tokens_secret',
  ttl: 'ttlcontroller',
  'ttl-after-finished': 'ttl_jobs_to_delete',
  'vac-protection': 'vacprotection',
};

export const queueName = (controller: string): string =>
  Object.hasOwn(upstream, controller) ? upstream[controller]! : controller.replaceAll('-', '_');
