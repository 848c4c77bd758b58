import * as untorn from 'untorn';
import scenario from './scenario.cjs';

await scenario(untorn);
