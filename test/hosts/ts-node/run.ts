import * as untorn from 'untorn';
import { isOurs } from './program';
import scenario = require('./scenario.cjs');

void isOurs(undefined);
void scenario(untorn);
