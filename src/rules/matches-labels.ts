// Equality of labels, for the map form of selectors; LabelSelector objects: matcherFor in api/meta.

export type LabelMap = Readonly<Record<string, string>> | undefined;

/** Every wanted label is there with its value. Nothing wanted: true. */
export function matchesLabels(wanted: LabelMap, labels: LabelMap): boolean {
  for (const key in wanted) if (labels?.[key] !== wanted[key]) return false;
  return true;
}
