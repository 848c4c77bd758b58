/** Writing a JSON text in the layout of the file that it replaces, after validation by the schema. */
import type { WriteResult } from '../contract/index.ts';
import type { Steps } from '../system/index.ts';
import type { Operation } from '../files/index.ts';
import type { Turn } from '../order/index.ts';
import { type AtHand, replaceFile } from '../replace/index.ts';
import type { Indentation } from './json-options.ts';
import { encode, indentedBy, layOut } from './json-text.ts';
import { layoutAt } from './layout.ts';
import { validated } from './read-json.ts';
import type { StandardSchema } from './schema.ts';

/** Text with its indentation, if that is forced; otherwise one line, which is to be indented like the file. */
export interface JsonText {
  readonly text: string;
  readonly indent: Indentation;
}

/** The text as a file's content. */
export function jsonContent({ text, indent }: JsonText): AtHand {
  if (indent.forced !== undefined) return { kind: 'bytes', bytes: encode(text, '\n') };
  return {
    kind: 'later',
    *make(_, target) {
      return layOut(text, indentedBy(yield* layoutAt(target), indent.otherwise));
    },
  };
}

/** Replaces a file with JSON. The schema sees the same value as a reader of the file. */
export function* replaceWithJson(
  operation: Operation,
  turn: Turn,
  json: JsonText,
  schema: StandardSchema | undefined,
): Steps<WriteResult> {
  try {
    if (schema !== undefined) yield* validated(operation, schema, operation.given, JSON.parse(json.text), true);
  } catch (error) {
    turn.leave();
    throw error;
  }
  return yield* replaceFile(operation, turn, jsonContent(json));
}
