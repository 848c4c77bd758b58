/** What the files of the trials hold: JSON as well as text. */
export const contents = {
  old: JSON.stringify('old '.repeat(2_000)),
  new: JSON.stringify('new '.repeat(25_000)),
  next: '"next"',
} as const;
