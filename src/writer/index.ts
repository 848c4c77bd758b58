/** Writing only the newest of many values. */
export { createWriter, Writer } from './writer.ts';
export type { WriterOptions } from './writer-options.ts';
