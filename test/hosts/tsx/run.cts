import * as untorn from 'untorn';
import scenario = require('./scenario.cjs');

void scenario(untorn);
