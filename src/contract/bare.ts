/**
 * Options for the runtime's own functions without a prototype: those functions would also read what a program has put
 * on `Object.prototype`.
 */
export function bare<const T extends object>(options: T): T {
  return Object.assign(Object.create(null) as T, options);
}
