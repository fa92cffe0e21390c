// How much of the server a request takes, in seats: one for most, more for long lists, and for writes that many watch. Pure.
// The numbers are upstream's (k8s.io/apiserver/pkg/util/flowcontrol/request).
import type { RequestInfo } from '../request-info.ts';

export interface WorkEstimate {
  /** Held while the request is in work. */
  readonly seats: number;
  /** Held afterwards, while watchers are told. */
  readonly finalSeats: number;
  readonly finalMs: number;
}

const one: WorkEstimate = { seats: 1, finalSeats: 0, finalMs: 0 };
const seatsMax = 10;
const objectsPerSeat = 100;
const watchesPerSeat = 10;
const eventMs = 5;

export interface Facts {
  /** How many objects of the kind there are. */
  count(info: RequestInfo): number;
  watchers(info: RequestInfo): number;
}

function listSeats(info: RequestInfo, query: URLSearchParams, facts: Facts): number {
  if (info.name !== '') return 1;
  if (info.verb === 'watch' && query.get('sendInitialEvents') !== 'true') {
    const version = query.get('resourceVersion') ?? '';
    if (version !== '' && version !== '0') return 1;
  }
  const stored = facts.count(info);
  const limit = Number(query.get('limit') ?? '');
  const hasSelector = (query.get('labelSelector') ?? '') !== '' || (query.get('fieldSelector') ?? '') !== '';
  // All that is looked at; without a selector a page ends early.
  const processed = !hasSelector && limit > 0 ? Math.min(stored, limit) : stored;
  return Math.ceil(processed / objectsPerSeat);
}

/** `levelSeatsMax`: what one request may take of its priority level. */
export function estimate(info: RequestInfo, query: URLSearchParams, levelSeatsMax: number, facts: Facts): WorkEstimate {
  const most = Math.min(seatsMax, levelSeatsMax);
  switch (info.verb) {
    case 'list':
    case 'watch': {
      const seats = Math.max(1, Math.min(most, listSeats(info, query, facts)));
      return seats === 1 ? one : { seats, finalSeats: 0, finalMs: 0 };
    }
    case 'create':
    case 'update':
    case 'patch':
    case 'delete': {
      if (info.subresource === 'token') return one;
      const watchers = facts.watchers(info);
      if (watchers < watchesPerSeat) return one;
      const wanted = Math.ceil(watchers / watchesPerSeat);
      const finalSeats = Math.min(most, wanted);
      return { seats: 1, finalSeats, finalMs: (wanted * eventMs) / finalSeats };
    }
    default:
      return one;
  }
}

/** Of a priority level with so many seats, whose flows have `handSize` queues each. */
export const levelSeatsMax = (nominal: number, handSize: number): number =>
  Math.max(1, Math.min(Math.ceil(nominal * 0.15), Math.floor(nominal / handSize)));
