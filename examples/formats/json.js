/** Plain JSON as a format, to be put into another one. */
export const json = {
  parse: (text) => JSON.parse(text),
  stringify: (value) => JSON.stringify(value),
};
