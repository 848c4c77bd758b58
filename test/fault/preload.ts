/** Loaded by Node before the command: it waits at the gate, and all that the command does is part of the write. */
import { hear, mark, marks, sayThreads } from './gate.ts';

await sayThreads();
hear();
mark(marks.begin);
process.on('exit', () => mark(marks.end));
