/**
 * The calls that this thread uses, those of the native part included, without whole chains: a test that replaces one of
 * them sees it in chains too.
 */
import { systems } from '#untorn/system/systems.js';

const { chain: _sync, ...sync } = systems().sync;
const { chain: _async, ...async } = systems().async;

export const syncSystem: typeof sync = sync;
export const asyncSystem: typeof async = async;
