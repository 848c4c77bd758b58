/** Transactions of several files. */
export type {
  TransactionFile,
  TransactionJsonOptions,
  TransactionLockOptions,
  TransactionOptions,
  TransactionRemoveOptions,
  TransactionRenameOptions,
  TransactionResult,
  TransactionWriteOptions,
} from './options.ts';
export { Transaction, TransactionSync } from './open-transaction.ts';
export { transaction, transactionSync } from './transaction.ts';
