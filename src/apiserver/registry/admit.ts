// Runs the admission plugins in their order (admission/order.ts): first all that change, later all that only judge. When a
// webhook or a policy has changed the object, those that change run once more, as upstream's reinvocation. A promise only where
// a plugin has to wait.
import type { KubernetesObject } from '#api/kind.ts';
import { restoreManagedFields } from '../admission/dynamic/managed-fields.ts';
import type { AdmissionAttributes, AdmissionPlugin, Server } from '../context.ts';
import type { AdmissionHalf, AdmissionTimes } from '../metrics/admission.ts';
import { roundOf, type AdmissionRound } from './admission-rounds.ts';

type Admitted = Promise<void> | undefined;

export function admitMutating(
  server: Server,
  attributes: AdmissionAttributes,
  plugins: readonly AdmissionPlugin[] = server.admission,
): Admitted {
  const before = managedFieldsOf(attributes);
  const asked = askAll('admit', server, attributes, plugins);
  if (asked !== undefined || attributes.reinvocation.isWanted)
    return mutateAgain(server, attributes, plugins, before, asked);
  if (managedFieldsOf(attributes) !== before) restoreManagedFields(attributes, before);
  return undefined;
}

type ManagedFields = KubernetesObject['metadata']['managedFields'];
const managedFieldsOf = ({ object }: AdmissionAttributes): ManagedFields => object?.metadata?.managedFields;

async function mutateAgain(
  server: Server,
  attributes: AdmissionAttributes,
  plugins: readonly AdmissionPlugin[],
  before: ManagedFields,
  asked: Admitted,
): Promise<void> {
  await asked;
  const { reinvocation } = attributes;
  if (reinvocation.isWanted) {
    reinvocation.isReinvoked = true;
    await askAll('admit', server, attributes, plugins);
  }
  if (managedFieldsOf(attributes) !== before) restoreManagedFields(attributes, before);
}

export const admitValidating = (
  server: Server,
  attributes: AdmissionAttributes,
  plugins: readonly AdmissionPlugin[] = server.admission,
): Admitted => askAll('validate', server, attributes, plugins);

/** Throws as well as rejects. */
function askAll(
  half: AdmissionHalf,
  server: Server,
  attributes: AdmissionAttributes,
  plugins: readonly AdmissionPlugin[],
): Admitted {
  const round = roundOf(server, plugins, half, attributes);
  return askFrom(0, round, round.series.begin(), server, attributes);
}

function askFrom(
  first: number,
  round: AdmissionRound,
  times: AdmissionTimes,
  server: Server,
  attributes: AdmissionAttributes,
): Admitted {
  const { asked } = round;
  for (let index = first; index < asked.length; index++) {
    let pending: void | Promise<void>;
    try {
      pending = asked[index]!(attributes, server);
    } catch (error) {
      times.refused(index);
      throw error;
    }
    if (pending !== undefined) return askBehind(index, pending, round, times, server, attributes);
    times.passed(index);
  }
  times.done();
  return undefined;
}

async function askBehind(
  index: number,
  pending: Promise<void>,
  round: AdmissionRound,
  times: AdmissionTimes,
  server: Server,
  attributes: AdmissionAttributes,
): Promise<void> {
  try {
    await pending;
  } catch (error) {
    times.refused(index);
    throw error;
  }
  times.passed(index);
  await askFrom(index + 1, round, times, server, attributes);
}

export function finish({ onFinished }: AdmissionAttributes): void {
  if (onFinished.length === 0) return;
  for (const end of onFinished.splice(0)) end();
}
