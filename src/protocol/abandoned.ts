/** Transactions of this process that are committed and could not be completed: nobody works on them any more. */
export const abandoned: Set<string> = new Set();
