/** JSON values: reading, writing and updating them. */
export { JsonError, type JsonErrorDetails, type SchemaIssue } from './json-error.ts';
export type { SchemaInput, SchemaOutput, StandardSchema } from './schema.ts';
export {
  assertUtf8,
  formatOptions,
  type FormatSettings,
  readFormat,
  readFunction,
  type Indentation,
  readIndent,
  type ReadJsonOptions,
  readReadOptions,
  type Recovery,
  type WriteJsonOptions,
} from './json-options.ts';
export { type AnyFormat, type BinaryFormat, type Format, readCodec } from './format.ts';
export { type Replacer, stringify } from './json-strict.ts';
export { encode, indentedBy, layOut, type Layout, type Reviver } from './json-text.ts';
export { missing, valueOf } from './read-json.ts';
export { changedText, jsonUpdateOptions, readJsonUpdate } from './change-text.ts';
export { layoutAt } from './layout.ts';
export { assertValid, newValue, type NewValue, ownError, previousContent } from './write-json.ts';
export { readJson, readJsonSync, writeJson, writeJsonSync } from './json.ts';
export {
  updateJson,
  type UpdateJsonInfo,
  type UpdateJsonOptions,
  type UpdateJsonResult,
  updateJsonSync,
} from './update-json.ts';
