/** Validation by any library that follows Standard Schema, version 1 (https://standardschema.dev). */
import { describe, misuse, type PathName, isThenable } from '../contract/index.ts';
import { JsonError, type SchemaIssue } from './json-error.ts';

/** A schema of any library that follows Standard Schema (Zod, Valibot, ArkType and others). */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

type SchemaResult<Output> =
  { readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly SchemaIssue[] };

/** The output of a schema for a valid value. */
export type SchemaOutput<Schema extends StandardSchema> = NonNullable<Schema['~standard']['types']>['output'];

/** The input of a schema. */
export type SchemaInput<Schema extends StandardSchema> = NonNullable<Schema['~standard']['types']>['input'];

/** Checks that an option is a schema. */
export function readSchema(value: unknown): StandardSchema | undefined {
  if (value === undefined) return undefined;
  const isObject = (typeof value === 'object' && value !== null) || typeof value === 'function';
  const standard = isObject ? (value as { '~standard'?: { validate?: unknown } })['~standard'] : undefined;
  if (typeof standard?.validate === 'function') return value as StandardSchema;
  throw misuse(
    'ERR_INVALID_ARG_TYPE',
    `"options.schema" must be a schema with "~standard" (https://standardschema.dev), not ${describe(value)}`,
  );
}

/**
 * The schema's output for a value of a file, or (`isNew`) for a value that is to be written to it, now or later; the
 * value itself if there is no schema.
 */
export function validate(
  schema: StandardSchema | undefined,
  path: PathName,
  value: unknown,
  isNew = false,
): { value: unknown } | { later: Promise<unknown> } {
  if (schema === undefined) return { value };
  const result = schema['~standard'].validate(value);
  if (!isThenable(result)) return { value: accepted(path, result as SchemaResult<unknown>, isNew) };
  return { later: Promise.resolve(result).then((output) => accepted(path, output, isNew)) };
}

function accepted(path: PathName, result: SchemaResult<unknown>, isNew: boolean): unknown {
  if (result.issues === undefined) return result.value;
  const reason = `does not pass the schema: ${summary(result.issues)}`;
  throw new JsonError('ERR_UNTORN_JSON_SCHEMA', { path, reason, issues: result.issues, isNew });
}

/** The first few issues. */
function summary(issues: readonly SchemaIssue[]): string {
  const shown = issues.slice(0, 3).map(({ message, path = [] }) => {
    const where = path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
    return where === '' ? message : `${where}: ${message}`;
  });
  return shown.join('; ') + (issues.length > 3 ? `; and ${issues.length - 3} more` : '');
}
