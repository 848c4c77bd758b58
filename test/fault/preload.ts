/** Loaded by Node before the command: all that the command does may be spoiled. */
import { order } from './gate.ts';

order(process.env['UNTORN_SPOIL'] as string);
