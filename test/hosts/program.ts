import { createWriter, transaction, unchanged, updateFile, writeFile, WriteError, type Durability, type Transaction, type WriteOptions, type WriteResult } from 'untorn';
import * as untorn from 'untorn';
import { PassThrough } from 'node:stream';

const durability: Durability = 'full';
const options: WriteOptions = { durability };
export const written = (): Promise<WriteResult> => writeFile('file', 'new', options);
export const updated = (): Promise<untorn.UpdateResult> => updateFile('file', (old) => (old === undefined ? unchanged : old), 'utf8');
export const several = (): Promise<untorn.TransactionResult> => transaction(async (tx: Transaction) => tx.writeFile('file', new PassThrough()));
export const writer = (): untorn.Writer<{ count: number }> => createWriter<{ count: number }>('file');
export const isOurs = (error: unknown): error is WriteError => WriteError.isWriteError(error);
// @ts-expect-error a number is no content
export const refused = (): Promise<unknown> => writeFile('file', 1);
export type { WriteResult };
