/** TOML, by `@decimalturn/toml-patch`, which keeps comments and layout. (`smol-toml` and `@iarna/toml` do not.) */
import { parse, patch, stringify } from '@decimalturn/toml-patch';

export const toml = {
  parse: (text) => parse(text),
  stringify(value, previous) {
    return isReadable(previous) ? patch(previous, value) : stringify(value);
  },
};

function isReadable(text) {
  try {
    return text !== undefined && parse(text) !== undefined;
  } catch {
    return false;
  }
}
