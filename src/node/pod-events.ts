// Events about Pods: they need kind and version, which objects out of lists do not carry.
import type { EventRecorder } from '#client/client.ts';

export const podEvents = (events: EventRecorder): EventRecorder => ({
  event: (about, type, reason, message, fieldPath, annotations) =>
    events.event({ ...about, apiVersion: 'v1', kind: 'Pod' }, type, reason, message, fieldPath, annotations),
});
