/** What is known not to hold on a runtime, and why; docs/guarantees.md says the same. */
const known = {};

export function differences(name) {
  return Object.fromEntries(Object.entries(known).filter(([pattern]) => name.startsWith(pattern)).flatMap(([, found]) => Object.entries(found)));
}
