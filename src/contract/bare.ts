/**
 * Options for the runtime's own functions, without what somebody may have put on `Object.prototype`, which those would
 * read.
 */
export function bare<const T extends object>(options: T): T {
  return Object.assign(Object.create(null) as T, options);
}
