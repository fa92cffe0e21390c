// Which quality-of-service class a Pod has: status.qosClass, eviction order, cgroup parent.
export { podQosClass, type QosClass } from '#api/validation/pod-qos.ts';
