// What one object of an API server may answer: upstream's rules of creation, preconditions and removal.
import type { Action, Outcome, Version } from './history.ts';
import type { Model } from './search.ts';

export interface ObjectStep {
  readonly action: Action;
  readonly outcome: Outcome;
}

interface Present {
  /** Of the last write. */
  readonly value: string;
  /** Absent: of a write that nobody had an answer to, and whose value nobody read. */
  readonly version?: Version | undefined;
  /** Absent: of such a creation. */
  readonly uid?: string | undefined;
}

export interface ObjectState {
  /** Undefined: there is none. */
  readonly present: Present | undefined;
  /** The newest revision that the object is known to have had. */
  readonly revision: number;
}

const of = (version: Version): ObjectState => ({
  present: { value: version.value, version, uid: version.uid },
  revision: version.revision,
});
/** Behind a write that was answered with a version, whatever was before. */
export const stateOf = ({ outcome }: ObjectStep): ObjectState =>
  outcome.type === 'version' ? of(outcome.version) : objectModel.initial;
const isSame = (uid: string | undefined, other: string): boolean => uid === undefined || uid === other;

export const objectModel: Model<ObjectState, ObjectStep> = {
  initial: { present: undefined, revision: 0 },
  textOf: ({ present, revision }) =>
    present === undefined ? `- ${revision}` : `${revision} ${present.version?.revision ?? '?'} ${present.uid ?? '?'}`,
  // Nobody read the values of those that are not known.
  kindOf({ action, outcome }) {
    const required = action.type === 'update' || action.type === 'delete' ? action.revision : undefined;
    const kind = action.type === 'patch' ? 'update' : action.type;
    return `${kind} ${required ?? ''} ${outcome.type === 'version' ? outcome.version.revision : ''}`;
  },
  step(state, { action, outcome }) {
    const { present } = state;
    if (outcome.type === 'missing') return present === undefined && action.type !== 'create' ? state : undefined;
    if (outcome.type === 'exists') return present !== undefined && action.type === 'create' ? state : undefined;
    const required = action.type === 'update' || action.type === 'delete' ? action.revision : undefined;
    const isMet = required === undefined || present?.version?.revision === required;
    if (outcome.type === 'conflict') return present !== undefined && !isMet ? state : undefined;
    switch (action.type) {
      case 'get':
        return outcome.type === 'version' &&
          present?.version?.revision === outcome.version.revision &&
          present.value === outcome.version.value &&
          present.uid === outcome.version.uid
          ? state
          : undefined;
      case 'delete':
        if (present === undefined || !isMet) return undefined;
        if (outcome.type === 'removed' && !isSame(present.uid, outcome.uid)) return undefined;
        return { present: undefined, revision: state.revision };
      case 'create':
      case 'update':
      case 'patch': {
        if ((present === undefined) !== (action.type === 'create') || !isMet) return undefined;
        const uid = present?.uid;
        if (outcome.type === 'unknown') return { present: { value: action.value, uid }, revision: state.revision };
        if (outcome.type !== 'version') return undefined;
        const { version } = outcome;
        return version.revision > state.revision && version.value === action.value && isSame(uid, version.uid)
          ? of(version)
          : undefined;
      }
    }
  },
};
