/** The known word that was probably meant by an unknown one; empty if no known word is near. */
export function guess(word: string, words: readonly string[]): string {
  const nearest = words
    .map((other) => ({
      other,
      distance: other.startsWith(word) && word.length > 1 ? 0 : distance(word.toLowerCase(), other),
    }))
    .filter(({ other, distance: far }) => far <= Math.max(1, Math.floor(Math.min(word.length, other.length) / 3)))
    .toSorted((one, two) => one.distance - two.distance)[0];
  return nearest === undefined ? '' : ` (did you mean "${nearest.other}"?)`;
}

/** The number of letters that are wrong, missing, too many or exchanged with the next (optimal string alignment). */
function distance(one: string, two: string): number {
  let [before, row] = [[] as number[], Array.from({ length: two.length + 1 }, (_, at) => at)];
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= two.length; j++) {
      const isSame = one[i - 1] === two[j - 1];
      const isExchanged = i > 1 && j > 1 && one[i - 1] === two[j - 2] && one[i - 2] === two[j - 1];
      next.push(
        Math.min(
          (row[j] ?? 0) + 1,
          (next[j - 1] ?? 0) + 1,
          (row[j - 1] ?? 0) + (isSame ? 0 : 1),
          isExchanged ? (before[j - 2] ?? 0) + 1 : Infinity,
        ),
      );
    }
    [before, row] = [row, next];
  }
  return row[two.length] ?? 0;
}
