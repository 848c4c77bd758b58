/**
 * Whether all is tried that is tried elsewhere. Under Wine every call takes ten times as long: there only if that is
 * asked for.
 */
export const everything: boolean = process.platform !== 'win32' || process.env['UNTORN_WINDOWS'] === 'full';
