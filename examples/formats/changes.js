/** The differences between two values, for libraries that change a part of a text and keep the rest. */
import { isDeepStrictEqual } from 'node:util';

/**
 * The changes that make `value` of `old`, in their order: `{ path, value }` sets a part, `{ path, value, insert: true }`
 * makes room for it in an array, and `{ path }` removes it. Properties that are undefined count as missing.
 */
export function* changes(old, value, path = []) {
  if (isDeepStrictEqual(old, value)) return;
  if (Array.isArray(old) && Array.isArray(value)) yield* changesInArray(old, value, path);
  else if (isObject(old) && isObject(value)) {
    for (const key of Object.keys(old)) if (value[key] === undefined) yield { path: [...path, key] };
    for (const key of Object.keys(value))
      if (value[key] !== undefined) yield* changes(own(old, key), value[key], [...path, key]);
  } else yield { path, value };
}

/** Equal items at both ends keep their comments, also if there are more or fewer items between them. */
function* changesInArray(old, value, path) {
  const shorter = Math.min(old.length, value.length);
  let first = 0;
  while (first < shorter && isDeepStrictEqual(old[first], value[first])) first++;
  let last = 0;
  while (last < shorter - first && isDeepStrictEqual(old.at(-1 - last), value.at(-1 - last))) last++;
  const common = shorter - last;
  for (let at = first; at < common; at++) yield* changes(old[at], value[at], [...path, at]);
  for (let at = old.length - last - 1; at >= common; at--) yield { path: [...path, at] };
  for (let at = common; at < value.length - last; at++) yield { path: [...path, at], value: value[at], insert: true };
}

function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function own(object, key) {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}
