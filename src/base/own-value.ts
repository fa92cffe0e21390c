/** The value that a map itself has: its keys may be users', and every object has a `constructor`. */
export const ownValue = <T>(map: Readonly<Record<string, T>> | undefined | null, key: string): T | undefined =>
  map !== undefined && map !== null && Object.hasOwn(map, key) ? map[key] : undefined;
