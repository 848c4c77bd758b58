/** Writing a value in the layout of the file that it replaces, after validation by the schema. */
import { WriteError, codeOf, type WriteResult } from '../contract/index.ts';
import { fileType, type GivenPath, type Steps } from '../system/index.ts';
import { during, readTarget, type Operation, type Target } from '../files/index.ts';
import type { Turn } from '../order/index.ts';
import { type AtHand, replaceFile, unreadable } from '../replace/index.ts';
import type { Codec } from './format.ts';
import type { FormatSettings } from './json-options.ts';
import { stringify } from './json-strict.ts';
import { encode, indentedBy, layOut } from './json-text.ts';
import { layoutAt } from './layout.ts';
import { validated } from './read-json.ts';
import type { StandardSchema } from './schema.ts';

/** A value on its way into a file. */
export interface NewValue {
  readonly content: AtHand;
  readonly schema: StandardSchema | undefined;
  /** The value as JSON; undefined for other formats, which need the file that they replace. */
  readonly text: string | undefined;
}

/** A value to write, as it is now, or as its format makes it when its turn comes. */
export function newValue({ given }: GivenPath, value: unknown, settings: FormatSettings): NewValue {
  const { format, indent, replacer, schema } = settings;
  if (format !== undefined) return { content: inFormat(value, format, schema), schema, text: undefined };
  const text = stringify(value, replacer, indent.forced, undefined, given);
  if (indent.forced !== undefined) return { content: { kind: 'bytes', bytes: encode(text, '\n') }, schema, text };
  const content: AtHand = {
    kind: 'later',
    *make(_, target) {
      return layOut(text, indentedBy(yield* layoutAt(target), indent.otherwise));
    },
  };
  return { content, schema, text };
}

function inFormat(value: unknown, format: Codec, schema: StandardSchema | undefined): AtHand {
  return {
    kind: 'later',
    *make(operation, target) {
      const previous = yield* previousContent(operation, target);
      return yield* during(operation, 'read source', made(operation, value, format, schema, previous));
    },
  };
}

/** The content that a format makes of a value, accepted by the schema as a reader would see it. */
export function* made(
  operation: Operation,
  value: unknown,
  format: Codec,
  schema: StandardSchema | undefined,
  previous: Buffer | undefined,
): Steps<Buffer> {
  const bytes = format.contentOf(value, previous);
  if (schema !== undefined)
    yield* validated(operation, schema, operation.given, format.parse(operation.given, bytes, true), true);
  return bytes;
}

/** The content of the file that is to be replaced; undefined if there is none, or it cannot be read. */
export function* previousContent(operation: Operation, target: Target): Steps<Buffer | undefined> {
  if (target.existing === undefined || fileType(target.existing.mode) !== 'file') return undefined;
  try {
    return (yield* readTarget(operation, target)).content;
  } catch (error) {
    if (unreadable.has(codeOf(error) ?? '')) return undefined;
    throw error;
  }
}

/** Validates a value before its write takes its turn. The schema sees the same value as a reader of the file. */
export function* assertValid(operation: Operation, { schema, text }: NewValue): Steps<void> {
  if (schema !== undefined && text !== undefined)
    yield* validated(operation, schema, operation.given, JSON.parse(text), true);
}

/** Replaces a file with a value. */
export function* replaceWithValue(operation: Operation, turn: Turn, value: NewValue): Steps<WriteResult> {
  try {
    yield* assertValid(operation, value);
  } catch (error) {
    turn.leave();
    throw error;
  }
  try {
    return yield* replaceFile(operation, turn, value.content);
  } catch (error) {
    throw ownError(error);
  }
}

/** An error of the function that makes the content is the caller's own. */
export function ownError(error: unknown): unknown {
  return WriteError.isWriteError(error) && error.step === 'read source' ? error.cause : error;
}
