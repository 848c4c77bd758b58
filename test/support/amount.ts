/** How much is tried where every call takes ten times as long as elsewhere, as under Wine: all of it only if that is asked for. */
export const everything: boolean = process.platform !== 'win32' || process.env['UNTORN_WINDOWS'] === 'full';
