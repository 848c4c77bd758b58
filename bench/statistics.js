/** @param {number[]} values @param {number} fraction */
export function quantile(values, fraction) {
  const sorted = values.toSorted((a, b) => a - b);
  const position = (sorted.length - 1) * fraction;
  const below = sorted[Math.floor(position)];
  return below + (sorted[Math.ceil(position)] - below) * (position % 1);
}

/** @param {number[]} values */
export const median = (values) => quantile(values, 0.5);

/** Median and quartiles. @param {number[]} values */
export const spread = (values) => ({
  median: median(values),
  low: quantile(values, 0.25),
  high: quantile(values, 0.75),
});

/** The median of the ratios within rounds. @param {number[]} ours @param {number[]} theirs */
export const ratio = (ours, theirs) => median(ours.map((value, round) => value / theirs[round]));
