/** What an update returns to leave the file as it is. */
export const unchanged: unique symbol = Symbol.for('untorn.unchanged') as never;

export type Kept = typeof unchanged;
