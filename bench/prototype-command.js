// What the command would be with no more than the prototype: it writes what comes from a pipe. argv: the path.
import { write } from './prototype.js';

const pieces = [];
process.stdin.on('data', (piece) => pieces.push(piece));
process.stdin.on('end', () => void write(process.argv[2], Buffer.concat(pieces), { durable: true }));
