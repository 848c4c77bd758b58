/** What the files of the trials hold. */
export const contents = { old: 'old '.repeat(2_000), new: 'new '.repeat(25_000), next: 'next' } as const;
